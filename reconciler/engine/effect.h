#pragma once
/// What the engine wants done. In the list that one step returns, at most one Persist comes first;
/// it must be durable before any other effect of that step starts (design, section 2).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reconciler/engine/question.h"
#include "schema/model/agent.h"
#include "schema/model/release.h"
#include "schema/model/store.h"

namespace tidegate::engine {

struct Persist {
    Batch batch;
};

/// Run an action. Sent again after a reconnect; the agent's journal tells doubles apart.
struct Run {
    std::uint64_t epoch = 0;
    Action action;
    /// What a restart of its agent interrupted goes on: it was admitted once, nothing holds it.
    bool resumes = false;
};
/// Stop an action if it still runs; its outcome comes as ever.
struct Cancel {
    std::uint64_t epoch = 0;
    std::string action;
};
/// These outcomes are durable here; the agent may forget them.
struct AckResults {
    std::vector<std::string> actions;
};
/// How traffic is to go. Sent again after a reconnect, and whenever its agent tells of an older
/// one.
struct SetRoute {
    std::uint64_t epoch = 0;
    Route route;
    bool forget = false;  ///< it is no longer named
};
/// To a connected agent. May be dropped when its link is gone: the engine notices at reconnect.
struct Send {
    std::string agent;
    std::variant<Run, Cancel, AckResults, SetRoute> message;
};

enum class NoticeKind {
    release_started,
    release_succeeded,
    release_failed,
    release_rolled_back,
    rollback_started,
    revert_pushed,
    revert_needs_merge,
    target_blocked,
    fenced,
    inventory_full,
    drift_unknown,
    host_trouble,
    promote_awaited,
    router_away,
};
constexpr auto enum_names(NoticeKind) {
    return std::array{"release_started"sv,     "release_succeeded"sv, "release_failed"sv,
                      "release_rolled_back"sv, "rollback_started"sv,  "revert_pushed"sv,
                      "revert_needs_merge"sv,  "target_blocked"sv,    "fenced"sv,
                      "inventory_full"sv,      "drift_unknown"sv,     "host_trouble"sv,
                      "promote_awaited"sv,     "router_away"sv};
}
/// Somebody has to look at it; else it only says how things go. A new kind has to decide.
[[nodiscard]] constexpr bool is_alert(NoticeKind kind) {
    switch (kind) {
        case NoticeKind::release_failed:
        case NoticeKind::rollback_started:
        case NoticeKind::revert_needs_merge:
        case NoticeKind::target_blocked:
        case NoticeKind::fenced:
        case NoticeKind::inventory_full:
        case NoticeKind::drift_unknown:
        case NoticeKind::host_trouble:
        case NoticeKind::router_away:
            return true;
        case NoticeKind::release_started:
        case NoticeKind::release_succeeded:
        case NoticeKind::release_rolled_back:
        case NoticeKind::revert_pushed:
        case NoticeKind::promote_awaited:
            return false;
    }
    return true;
}
/// For people: log, metric, channels.
struct Notify {
    NoticeKind kind{};
    AssignmentKey key;
    std::string release;
    std::string text;
};

/// The new form of a release's head and of those of its steps and targets that changed, so that
/// an outcome costs the same however many there are. Merge it with `merge`.
struct ReleaseChange {
    ReleaseHead head;
    std::vector<Step> steps;
    std::vector<TargetProgress> targets;
};
void merge(Release& known, ReleaseChange change);

/// The new form of what this step changed, for the status snapshot. Whole values, but of releases.
struct Publish {
    std::vector<AssignmentView> assignments;
    /// Of some of these: why a failure of the release that is under way would undo nothing.
    std::map<AssignmentKey, std::string> stays;
    std::vector<AssignmentKey> removed_assignments;
    std::vector<ReleaseChange> releases;
    std::vector<std::string> removed_releases;  ///< beyond kReleasesKeptPerAssignment, or gone
    std::vector<TargetView> targets;
    std::vector<std::string> removed_targets;
};

/// Send Woke at the first of these; replaces the former WakeAt.
struct WakeAt {
    std::optional<Timestamp> at;
    std::optional<Lived> lived;
};

using Effect = std::variant<Persist, Send, Ask, Notify, Publish, WakeAt>;
using Effects = std::vector<Effect>;

}  // namespace tidegate::engine
