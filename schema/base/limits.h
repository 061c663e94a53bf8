#pragma once
/// Every maximum for what comes from outside, in one place. A limit is checked before memory is
/// taken for what it bounds. Design, sections 3 and 5; quic-notes for the transport figures.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tidegate::limits {

// The config repo.
inline constexpr std::size_t kFileBytesMax = 1 << 20;
inline constexpr std::size_t kYamlDepthMax = 32;
inline constexpr std::size_t kYamlNodesMax = 100'000;
inline constexpr std::size_t kNameBytesMax = 63;
inline constexpr std::size_t kVersionBytesMax = 128;
inline constexpr std::size_t kPipelineNameBytesMax = 256;
inline constexpr std::size_t kPortBytesMax = 256;  ///< `${…}` with names as long as they may be
inline constexpr std::size_t kPolicyNamesMax = 1'000;  ///< of a list in applies_to
inline constexpr std::size_t kTreeFilesMax = 200'000;
inline constexpr std::size_t kParsedCacheBytesMax = 256 << 20;
inline constexpr std::size_t kErrorsReportedMax = 1'000;
inline constexpr std::size_t kErrorsPerAssignmentMax = 50;
inline constexpr std::size_t kHistoryCommitsMax = 100'000;
inline constexpr std::size_t kVersionsKeptPerAssignment = 50;
inline constexpr std::size_t kStretchesKept = 20;  ///< of an assignment's digests, with authors
inline constexpr std::size_t kRevertsKeptPerAssignment = 100;
inline constexpr std::size_t kRevertEvidenceLinesMax = 20;
inline constexpr std::size_t kRevertLineBytesMax = 300;
inline constexpr std::size_t kRevertTextsBytesMax = 8 << 20;  ///< fits into kGitFrameBytesMax
inline constexpr std::chrono::seconds kDurationMax{std::chrono::hours{24 * 366 * 10}};

// Git. A fetch is one pack; frames and replies are those between the daemon and its Git child.
inline constexpr std::size_t kTreeDepthMax = 64;
inline constexpr std::size_t kCommitMessageBytesMax = 64 * 1024;
inline constexpr std::size_t kPersonBytesMax = 256;         ///< of a name, and of an e-mail
inline constexpr std::size_t kAuthorsMax = 100;             ///< of one change
inline constexpr auto kMoreAuthors = "and others";          ///< among them, for those beyond
inline constexpr std::size_t kTreePathBytesMax = 64 << 20;  ///< of all that a walk meets
inline constexpr std::size_t kFetchBytesMax = std::size_t{1} << 30;
inline constexpr std::size_t kFetchObjectsMax = 10'000'000;
inline constexpr std::size_t kGitRefsMax = 200'000;
inline constexpr std::size_t kBlobBytesPerCallMax = 256 << 20;
inline constexpr std::size_t kBlobBytesPerFetch = 64 << 20;  ///< what is asked for at once
inline constexpr std::size_t kGitFrameBytesMax = 16 << 20;
inline constexpr std::size_t kGitReplyBytesMax = 512 << 20;
inline constexpr std::size_t kGitFrameDepthMax = 16;
inline constexpr std::size_t kGitRemoteWordsBytesMax = 2 * 1024;

// Variables.
inline constexpr std::size_t kVariableDepthMax = 16;
inline constexpr std::size_t kVariableUsesMax = 10'000;
inline constexpr std::size_t kExpandedBytesMax = 200 * 1024;

// The agent protocol.
inline constexpr std::size_t kFrameBytesMax = 256 * 1024;
inline constexpr std::size_t kActionBytesMax = 200 * 1024;
inline constexpr std::size_t kInventoryItemsPerFrameMax = 500;
inline constexpr std::size_t kResultBytesMax = 200 * 1024;
inline constexpr std::size_t kCapabilitiesMax = 64;
// What an agent says in words. Written as JSON a byte may take six, and all that one target of a
// release keeps must still fit into a row (kStoreBodyBytesMax), an error into kAuditEntryBytesMax.
inline constexpr std::size_t kAgentErrorBytesMax = 4 * 1024;
inline constexpr std::size_t kAgentWordBytesMax = 256;  ///< versions, names of stages and tasks
inline constexpr std::size_t kStagesPerActionMax = 8;
inline constexpr std::size_t kTasksPerStageMax = 500;
inline constexpr std::size_t kHeaderFieldsMax = 64;
inline constexpr std::size_t kHeaderBytesMax = 16 * 1024;
inline constexpr std::size_t kRequestStreamsMax = 4;
inline constexpr std::size_t kStreamWindowBytes = 32 * 1024;
inline constexpr std::size_t kConnectionWindowBytes = 64 * 1024;
inline constexpr std::size_t kSendQueueBytesMax = 1 << 20;
inline constexpr std::size_t kConnectionsMax = 20'000;
inline constexpr std::chrono::seconds kHandshakeTimeout{10};
inline constexpr std::chrono::seconds kIdleTimeout{60};
inline constexpr std::chrono::seconds kKeepAlive{15};
inline constexpr std::chrono::seconds kHelloTimeout{10};
inline constexpr std::size_t kEnrollBodyBytesMax = 16 * 1024;
inline constexpr std::size_t kInventoryBytesMax = 32 << 20;
/// Of it, results; those beyond follow after it, so many bytes before the daemon has answered.
inline constexpr std::size_t kInventoryResultBytesMax = 8 << 20;
inline constexpr std::size_t kResultBytesUnacknowledgedMax = 1 << 20;
inline constexpr std::size_t kInstallationsPerAgentMax = 20'000;
inline constexpr std::size_t kRenewalsPerConnectionMax = 16;
inline constexpr std::size_t kBootIdsKept = 64;  ///< of one agent, that were pushed out
inline constexpr std::chrono::hours kBootIdRemembered{1};
inline constexpr std::size_t kBootIdsUsual = 16;  ///< starts in that time; more is said, once
inline constexpr std::chrono::hours kEpochAheadMax{24 * 366 * 10};  ///< of the daemon's clock
inline constexpr std::size_t kSignatureBytesMax = 128;
inline constexpr std::size_t kLogBytesMax = 256 * 1024;
inline constexpr std::size_t kLogUploadsWaitingMax = 8;
inline constexpr std::size_t kSessionQueueBytesMax = kInventoryBytesMax + (8 << 20);
inline constexpr std::size_t kTokensMax = 10'000;
inline constexpr std::size_t kSubjectsMax = 1'000;  ///< of what is said once a minute
/// Of one kind, about one agent, in a minute: what an agent can repeat at will.
inline constexpr int kLinesPerAgentMax = 10;
inline constexpr std::chrono::hours kTokenLifetimeMax{24 * 30};
inline constexpr std::chrono::seconds kHeartbeat{30};
inline constexpr std::chrono::milliseconds kBackoffMin{100};
inline constexpr std::chrono::milliseconds kBackoffMax{10'000};

// QUIC and UDP below it.
inline constexpr std::size_t kSendDrainBytes = 64 * 1024;
inline constexpr std::size_t kUniStreamsMax = 3;
inline constexpr std::size_t kUniStreamWindowBytes = 16 * 1024;
// A half-open connection takes up to 160 KB; strangers and known sources have so many each.
inline constexpr std::size_t kHalfOpenMax = 1'024;
inline constexpr std::size_t kHalfOpenPerSourceMax = 256;
inline constexpr std::size_t kAnonymousConnectionsMax = 256;
inline constexpr std::size_t kAnonymousPerSourceMax = 64;
/// Of one agent, with those whose loss was not noticed yet.
inline constexpr std::size_t kConnectionsPerAgentMax = 8;
inline constexpr std::chrono::hours kSourceKnownFor{24};  ///< after its last session
inline constexpr std::chrono::hours kSourceNotedAgain{6};
inline constexpr std::size_t kSourcesKnownMax = 20'000;
inline constexpr std::size_t kStatelessResetsPerSecondMax = 5'000;
inline constexpr std::size_t kUdpReceiveBufferBytes = 4 << 20;
inline constexpr std::size_t kUdpBatch = 64;
inline constexpr std::size_t kReceiveBatch = 16;
inline constexpr std::size_t kHandshakeSlice = 16;  ///< costly datagrams, then others' turn
inline constexpr std::size_t kFlushSlice = 128;
inline constexpr std::size_t kPemBytesMax = 64 * 1024;
inline constexpr std::size_t kPeerChainMax = 4;
inline constexpr std::chrono::seconds kRetryTokenLifetime{10};
inline constexpr std::chrono::seconds kSilenceMax{3};
inline constexpr std::chrono::seconds kSilenceLongest{30};  ///< after failed attempts in a row
/// While an action is out: how often its agent must give a sign, and how many may be missed.
inline constexpr std::chrono::seconds kPingInterval{5};
inline constexpr int kPingsMissedMax = 3;

// Agents.
inline constexpr std::size_t kOutputBytesDefault = 64 * 1024;
inline constexpr std::size_t kOutputBytesMax = 1 << 20;
inline constexpr std::size_t kJournalActionsKept = 1'000;
/// Kept free in the journal for restores, outcomes and what runs already.
inline constexpr std::size_t kJournalReserveBytes = 2 << 20;
inline constexpr std::chrono::seconds kJournalTryAgain{
    1};  ///< what found no room, but must be kept
inline constexpr std::size_t kTargetsPerAgentMax = 10'000;
/// Of one installation. Where they would fill an inventory they stay out of it (wire/encode.cpp).
inline constexpr std::size_t kBackupsMax = 10;
inline constexpr std::size_t kBackupPathBytesMax = 512;
inline constexpr std::size_t kBackupEntriesReadMax = 10'000;  ///< of one folder

inline constexpr int kActionsAtOnceDefault = 8;  ///< of agents that do not say how many they run
inline constexpr int kActionsAtOnceMax = 64;
/// Of what an agent was sent and has not answered; its send queue holds more.
inline constexpr std::size_t kActionBytesOutMax = 768 * 1024;

// Canary, blue-green, forecast.
inline constexpr std::size_t kCanaryStepsMax = 100;       ///< entries of steps and cluster_order
inline constexpr std::chrono::seconds kAwaitWatch{600};   ///< one action's watching in an await
inline constexpr std::chrono::seconds kWatchSlack{60};    ///< for the last try of a watch's checks
inline constexpr std::size_t kWatchesAtOnceMax = 20'000;  ///< of one agent
inline constexpr std::chrono::hours kForecastSpan{24 * 366};
inline constexpr std::chrono::milliseconds kForecastCpu{1'000};
inline constexpr std::chrono::seconds kForecastDuration{10};  ///< of an action nobody has seen yet
inline constexpr std::size_t kForecastMarkdownBytesMax = 60'000;
inline constexpr std::chrono::seconds kRouteLook{10};  ///< a router's agent looks so often
inline constexpr std::size_t kRouterTargetsMax = 64;

// The status endpoint.
inline constexpr std::size_t kHttpHeadBytesMax = 8 * 1024;
inline constexpr std::size_t kHttpHeadFieldsMax = 64;
inline constexpr std::size_t kHttpConnectionsMax = 1'024;
inline constexpr std::size_t kHttpPageItemsMax = 1'000;
inline constexpr std::size_t kHttpPageItemsDefault = 100;
inline constexpr std::chrono::seconds kHttpHeadTimeout{10};
inline constexpr std::chrono::seconds kHttpKeepAlive{30};
inline constexpr std::size_t kHttpKeepAliveRequests = 1'000;
inline constexpr std::chrono::seconds kHttpWriteTimeout{10};
inline constexpr std::chrono::seconds kHttpLinger{1};
inline constexpr std::size_t kHttpLingerBytesMax = 1 << 20;
inline constexpr std::size_t kHttpWorkers = 8;
inline constexpr std::size_t kHttpAnswerBytesMax = 8 << 20;
inline constexpr std::size_t kHttpPendingBytesMax = 64 << 20;
inline constexpr std::size_t kHttpStreamsMax = 1'000;
inline constexpr std::size_t kHttpStreamBytesMax = 64 * 1024;
inline constexpr std::chrono::seconds kHttpHeartbeat{15};
inline constexpr std::size_t kHttpWebRowsMax = 500;

// Releases.
inline constexpr std::chrono::minutes kStepDeadlineMin{10};
inline constexpr std::chrono::minutes kStepDeadlineSlack{2};
inline constexpr std::chrono::hours kReleaseDeadline{6};
inline constexpr std::size_t kReleasesKeptPerAssignment = 100;
inline constexpr std::size_t kGoneAssignmentsKept = 1'000;  ///< that left Git, with nothing there
inline constexpr std::size_t kRevertsRemembered = 10'000;
inline constexpr std::size_t kStepsPerReleaseMax = 200'000;
inline constexpr std::chrono::minutes kRollbackDeadline{10};
inline constexpr std::chrono::minutes kRollbackInTurns{4};  ///< then all at once (R-8.7)
/// Away for less counts as reconnecting. An idle agent needs kKeepAlive to notice that the daemon
/// is another, kSilenceMax to be sure of it, and the rest to come back.
inline constexpr std::chrono::seconds kAgentGrace =
    kKeepAlive + kSilenceMax + std::chrono::seconds{7};
/// So long without a reading of the clock the daemon did not run, whatever the reason.
inline constexpr std::chrono::seconds kLifeGapMax{10};
inline constexpr std::chrono::seconds kLifeUnstoredMax{30};  ///< lived, and lost in a crash
inline constexpr std::chrono::seconds kAskAgain{10};         ///< a failed question, doubling
inline constexpr std::chrono::seconds kAskAgainMax{300};
/// A Git child ends within an hour; so many may stand before it.
inline constexpr std::chrono::hours kAnswerWithin{3};
inline constexpr std::chrono::seconds kBlockMin{60};  ///< after a failed heal …, doubling
inline constexpr std::chrono::seconds kBlockMax{3600};
inline constexpr std::chrono::seconds kHealProven{3600};  ///< drift that comes later is another one
/// One that was deployed and reported down once, and is well for so long, starts anew.
inline constexpr std::chrono::minutes kDoubtForgotten{5};
inline constexpr std::size_t kDriftNotesShown = 20;  ///< of one assignment
inline constexpr int kRefusedAttemptsMax = 3;
inline constexpr std::size_t kRoutesPerAgentMax = 1'000;
inline constexpr int kRestoreAttemptsMax = 2;

// The store.
inline constexpr std::size_t kStoreKeyBytesMax = 1'024;
inline constexpr std::size_t kStoreBodyBytesMax = 16 << 20;
inline constexpr std::size_t kAuditEntryBytesMax = 1 << 20;
inline constexpr std::size_t kAuditPageRowsMax = 1'000;
inline constexpr std::size_t kStoreQueueMax = 4'096;
inline constexpr std::size_t kStoreQueueBytesMax = 64 << 20;
inline constexpr std::size_t kStoreGroupBatchesMax = 256;

// The daemon.
inline constexpr std::size_t kStoreMergedWritesMax = 2'000;  ///< in one transaction
inline constexpr std::size_t kAdminLineBytesMax = 64 * 1024;
inline constexpr std::size_t kAdminConnectionsMax = 16;
inline constexpr std::chrono::seconds kAdminPatience{10};  ///< for the next line of a connection
inline constexpr std::chrono::seconds kPollIntervalMin{1};
inline constexpr std::chrono::seconds kPollDelayMax{300};       ///< while the remote is away
inline constexpr std::size_t kEffectStepsWaitingMax = 100'000;  ///< engine steps not durable yet
inline constexpr std::size_t kEffectBytesWaitingMax = 256 << 20;
inline constexpr std::chrono::seconds kStopPatience{3};  ///< for a store that takes no writes
inline constexpr std::size_t kLogFilesMax = 2'000;
inline constexpr std::size_t kLogBytesWaitingMax = 64 * 1024 * 1024;

}  // namespace tidegate::limits
