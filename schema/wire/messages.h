#pragma once
/// What daemon and agent say to each other on the session stream, and its way to bytes and back.
/// The bytes are protobuf (tidegate.proto, which also holds the compatibility rules); no protobuf
/// type leaves this folder. frame.h puts message after message on a stream.
///
/// What does not travel: `canonical` and `position` (digests were made before, agents show no
/// places), and health-check or task fields that the model may grow without a number here.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "schema/base/result.h"
#include "schema/model/agent.h"

namespace tidegate::wire {

/// Raised only by changes that the rules of tidegate.proto do not cover. Another one is refused.
inline constexpr std::uint32_t kProtocol = 1;

/// A part of the inventory: at most limits::kInventoryItemsPerFrameMax of each kind.
struct InventoryPiece {
    Inventory items;
    bool last = false;

    friend bool operator==(const InventoryPiece&, const InventoryPiece&) = default;
};
struct Changed {
    std::vector<Installation> installations;

    friend bool operator==(const Changed&, const Changed&) = default;
};
struct Heartbeat {
    /// The agent is about to end and begins nothing any more; it tells what it stops. Older daemons
    /// do not know it: what they send is not answered, and sent again to the next process.
    bool stopping = false;

    friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};
/// A request for a new certificate; the key in it may be a new one.
struct Renew {
    std::string csr_pem;

    friend bool operator==(const Renew&, const Renew&) = default;
};
/// A Run or Cancel came with an epoch below `highest_epoch`, the agent's highest; nothing was done.
struct Fenced {
    std::uint64_t highest_epoch = 0;
    std::optional<EpochProof> epoch_proof{};  ///< as in Hello

    friend bool operator==(const Fenced&, const Fenced&) = default;
};
/// What became of a route: after each that came, and whenever it changes. Older daemons get none.
struct Routed {
    RouteReport report;

    friend bool operator==(const Routed&, const Routed&) = default;
};
using AgentMessage = std::variant<Hello, InventoryPiece, Changed, Heartbeat, ActionUpdate,
                                  ActionResult, Renew, Fenced, Routed>;

struct Welcome {
    std::uint64_t epoch = 0;
    std::optional<EpochProof> epoch_proof{};  ///< none: an older daemon
    /// Each suspended action of the inventory gets a Run or a Cancel. Older daemons say neither.
    bool answers_suspended = false;

    friend bool operator==(const Welcome&, const Welcome&) = default;
};
struct Run {
    std::uint64_t epoch = 0;
    Action action;
    /// After `decode` only, empty as a rule. Otherwise the action holds what this build does not
    /// know (a newer daemon's); only its id, release, step, attempt, kind and key are set, and it
    /// must be refused, so that one such action does not end the session for all others.
    std::string unreadable;

    friend bool operator==(const Run&, const Run&) = default;
};
struct Cancel {
    std::uint64_t epoch = 0;
    std::string id;

    friend bool operator==(const Cancel&, const Cancel&) = default;
};
/// These results are durable on the daemon's side; the agent may forget them.
struct Ack {
    std::vector<std::string> ids;

    friend bool operator==(const Ack&, const Ack&) = default;
};
/// The answer to Renew.
struct Certificate {
    std::string chain_pem;

    friend bool operator==(const Certificate&, const Certificate&) = default;
};
struct Bye {
    std::string reason;

    friend bool operator==(const Bye&, const Bye&) = default;
};
/// The newest route of one assignment through one of the agent's targets; what the agent keeps of
/// it with a higher revision stays. Only to agents whose Hello says that they take such routes.
struct SetRoute {
    std::uint64_t epoch = 0;
    Route route;
    bool forget = false;  ///< Git names it no longer: the agent leaves the router as it is
    /// As Run's: what it asks for is not known here; only key, target and revision are set.
    std::string unreadable{};

    friend bool operator==(const SetRoute&, const SetRoute&) = default;
};
using DaemonMessage = std::variant<Welcome, Run, Cancel, Ack, Certificate, Bye, SetRoute>;

/// Among an agent's capabilities: it keeps what Welcome proves and gives it back in Hello.
inline constexpr std::string_view kEpochProofCapability = "epoch.proof";
/// What a daemon's CA signs to prove an epoch.
[[nodiscard]] std::string epoch_statement(std::uint64_t epoch);

/// Same value, same bytes. Text in an AgentMessage that is not UTF-8 goes out with U+FFFD in place
/// of the bad bytes. `exhausted` when it would not fit into a frame.
[[nodiscard]] Result<std::string> encode(const AgentMessage& message);
[[nodiscard]] Result<std::string> encode(const DaemonMessage& message);

/// Checked: names and ids (names.h), digests, enumerations, ranges of numbers and times, counts.
/// `invalid` names the field and says what came. What an agent says in words is cut to the maximum
/// that limits.h has for it.
[[nodiscard]] Result<AgentMessage> decode_agent(std::string_view bytes);
[[nodiscard]] Result<DaemonMessage> decode_daemon(std::string_view bytes);

/// The inventory cut into pieces that each fit into a frame, the last one marked; at least one.
/// Backups are left out where installations would take half of limits::kInventoryBytesMax.
[[nodiscard]] std::vector<InventoryPiece> split(Inventory inventory);
/// Takes out what results the daemon will not take at once: the oldest ones, returned oldest first.
/// They count as running meanwhile, so that the daemon waits for them.
[[nodiscard]] std::vector<ActionResult> take_excess(Inventory& inventory, std::size_t bytes_max);
/// As it goes over the wire, `shortened`.
[[nodiscard]] std::size_t bytes_of(const ActionResult& result);
/// The result made to fit into a frame with room to spare (limits::kResultBytesMax): outputs keep
/// their tails, errors their heads; when that is not enough, the stages go.
[[nodiscard]] ActionResult shortened(ActionResult result);

}  // namespace tidegate::wire
