#pragma once
/// What may hold a release: windows, freezes, approvals, dependencies, budgets; and strategies.
/// Plain values as read from the config repo (design, section 3; ).

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schema/base/enum_names.h"
#include "schema/base/time.h"
#include "schema/model/deploy.h"

namespace tidegate {

/// A name that another document must define, with the place where it is used.
struct Reference {
    std::string name;
    Position position;

    friend bool operator==(const Reference&, const Reference&) = default;
};

enum class OnClose { finish_step, pause, finish_release };
constexpr auto enum_names(OnClose) {
    return std::array{"finish_step"sv, "pause"sv, "finish_release"sv};
}

/// One recurring slot. It belongs to the day on which it starts; end <= start runs over midnight.
struct WindowSlot {
    std::set<int> days;  ///< 1 = Monday … 7 = Sunday; empty = every day
    std::chrono::minutes start{0};
    std::chrono::minutes end{0};  ///< up to 24:00
    std::string reason;

    friend bool operator==(const WindowSlot&, const WindowSlot&) = default;
};

/// UTC offsets of one IANA zone as plain values, so that pure code needs no time-zone database.
/// Made by reconciler/timezone. Covers 1970 to 2100; beyond that the last offset stays.
struct ZoneRules {
    struct Transition {
        Timestamp at;
        Seconds offset;  ///< east of UTC, from `at` on
    };
    std::string name;
    Seconds first_offset{0};
    std::vector<Transition> transitions;  ///< ascending
};
using Zones = std::map<std::string, std::shared_ptr<const ZoneRules>>;

struct ReleaseWindow {
    std::string name;  ///< empty for one written inline in an environment
    bool enabled = true;
    std::string timezone = "UTC";
    std::vector<WindowSlot> allowed;  ///< empty = always allowed
    std::vector<WindowSlot> deny;
    std::vector<WindowSlot> maintenance;
    std::set<std::chrono::year_month_day> blackout_dates;
    std::vector<std::string> emergency_users;  ///< an e-mail if it has an @, else an author name
    OnClose on_close = OnClose::finish_step;
    Position position;

    friend bool operator==(const ReleaseWindow&, const ReleaseWindow&) = default;
};

/// A count of targets or a share of them.
struct Amount {
    int value = 1;
    bool percent = false;

    friend bool operator==(const Amount&, const Amount&) = default;
    /// Percentages round down; never less than 1 (of a non-empty total).
    [[nodiscard]] int of(int total) const {
        const int exact = percent ? total * value / 100 : value;
        return exact < 1 ? 1 : exact;
    }
};

enum class StrategyType { rolling, all_at_once, canary, blue_green };
constexpr auto enum_names(StrategyType) {
    return std::array{"rolling"sv, "all_at_once"sv, "canary"sv, "blue_green"sv};
}
/// Whether this build acts on it; of others every release holds with gate `unsupported`.
[[nodiscard]] constexpr bool is_supported(StrategyType type) {
    return type <= StrategyType::blue_green;
}

struct CanaryStep {
    std::optional<int> percent;
    std::optional<int> weight;
    Seconds verify_duration{0};

    friend bool operator==(const CanaryStep&, const CanaryStep&) = default;
};

struct ClusterGroup {
    int priority = 0;
    std::vector<Reference> targets;
    Seconds verify_duration{0};
    bool approval_required = false;
    std::optional<int> canary_percent;
    bool full_rollout = false;

    friend bool operator==(const ClusterGroup&, const ClusterGroup&) = default;
};

enum class RouterType { haproxy, script, nginx, istio, lambda };
constexpr auto enum_names(RouterType) {
    return std::array{"haproxy"sv, "script"sv, "nginx"sv, "istio"sv, "lambda"sv};
}

struct HeaderMatch {
    std::string name;
    std::string value;

    friend bool operator==(const HeaderMatch&, const HeaderMatch&) = default;
};

/// How traffic reaches one side or the other (delivery notes, section 2). Strings may hold
/// `${NAME}`: the daemon fills them in (schema/resolve/routes.h), for only it knows all targets.
struct Traffic {
    RouterType router = RouterType::haproxy;
    std::vector<Reference> targets;  ///< whose agents act for the balancers; of any environment
    std::optional<HeaderMatch> header;
    // haproxy
    std::string socket;
    std::string backend;
    std::string server = "${TARGET_NAME}-${SLOT}";
    std::string server_before;  ///< of what was installed without slots; empty = none
    Seconds drain_timeout{60};
    std::string state_file;
    // script
    std::string route_script;
    Seconds timeout{60};
    Position position;

    friend bool operator==(const Traffic&, const Traffic&) = default;
};

struct Strategy {
    StrategyType type = StrategyType::rolling;
    // rolling, canary, blue_green: none = the strategy's default
    std::optional<Amount> batch_size;
    Seconds batch_interval{0};
    std::optional<Amount> max_unavailable;
    std::optional<Amount> max_failed;  ///< none = 0
    // canary; `steps` also blue_green's `canary.steps`
    std::vector<CanaryStep> steps;
    std::vector<Reference> canary_targets;
    std::map<std::string, std::string> canary_selector;
    std::vector<ClusterGroup> cluster_order;
    std::optional<Seconds> promote_timeout;
    // blue_green
    Seconds verify_duration{0};
    Seconds switch_timeout{60};
    Seconds keep_old{0};
    std::optional<Traffic> traffic;
    // all
    std::optional<HealthCheck> health_check;
    bool auto_promote = true;
    std::optional<bool> auto_rollback;  ///< when set, wins over rollback.auto_rollback
    Value canonical;                    ///< as written
    Position position;

    friend bool operator==(const Strategy&, const Strategy&) = default;
};

enum class Granularity { all, single_target };
constexpr auto enum_names(Granularity) { return std::array{"all"sv, "single_target"sv}; }

struct RollbackCondition {
    std::string type;
    std::optional<double> threshold;
    Position position;

    friend bool operator==(const RollbackCondition&, const RollbackCondition&) = default;
};

struct RollbackRules {
    Granularity granularity = Granularity::all;
    bool auto_rollback = true;
    bool respect_windows = false;
    std::optional<Seconds> deadline;          ///< of the restoring
    std::optional<Seconds> release_deadline;  ///< of the release; none: follows from its steps
    std::vector<RollbackCondition> conditions;

    friend bool operator==(const RollbackRules&, const RollbackRules&) = default;
};

enum class Heal { on, off, report_only };
constexpr auto enum_names(Heal) { return std::array{"true"sv, "false"sv, "report_only"sv}; }
enum class Offline { skip, wait };
constexpr auto enum_names(Offline) { return std::array{"skip"sv, "wait"sv}; }

struct Freeze {
    bool active = false;
    std::string reason;
    std::optional<Timestamp> until;

    friend bool operator==(const Freeze&, const Freeze&) = default;
};

/// What an assignment's releases must pass, as one commit says it for one environment. The accepted
/// commit's and the anchor's gate a release (design, section 4.3).
struct Rules {
    std::string environment;
    std::string commit;  ///< where they come from, for explain
    std::optional<ReleaseWindow> window;
    std::shared_ptr<const ZoneRules> zone;  ///< of the window; null = not known: window closed
    Freeze freeze;
    bool paused = false;
    std::vector<std::string> approvers;  ///< as in ReleaseWindow::emergency_users
    bool allow_override = false;         ///< a version file may name a strategy of its own
    /// Targets of groups with `approval_required`, sorted: no release reaches them without it.
    std::vector<std::string> approved_only;
    /// Valid fields this build cannot act on, each in words: `approval: require_approval`.
    std::vector<std::string> unsupported;
    /// More of them for single projects, by name; an assignment's rules have theirs above.
    std::map<std::string, std::vector<std::string>> unsupported_of;
};

}  // namespace tidegate
