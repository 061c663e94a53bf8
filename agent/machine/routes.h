#pragma once
/// The routes that an agent keeps: of each assignment, for each router target, the newest. A part
/// of Machine (machine.h), as pure as that.
///
///     SetRoute ─→ [newer] ─→ JournalRoute ─durable→ ApplyRoute ─→ Looked, Looked, …
///        │           │                   │                another than before ─→ ReportRoute
///        │           │                   └─no room→ ApplyRoute, not in force before it is durable
///        │           └─ no: what is kept is reported
///        ├─→ [unreadable, too many] ─→ reported with the reason; what is kept goes on
///        └─→ [forget] ─→ JournalForgetRoute, DropRoute
///     after a restart: ApplyRoute of each
///
/// Promise: what is set on a router was the newest that had come, and a crash brings nothing older
/// back than what was in force. On a full disk a route is set all the same, as traffic has to leave
/// a bad side there too; but it does not count as in force before it is durable, so that nobody
/// removes the side that an older one, after a crash, would give traffic to. Of two with one
/// revision and other contents the later one counts: they come from a daemon that lost its store,
/// and the epoch says who speaks.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "schema/model/route.h"

namespace tidegate::machine {

/// An assignment, and the router target.
using RouteId = std::pair<AssignmentKey, std::string>;

// ---- in

/// From the daemon: wire::SetRoute.
struct SetRouteCommand {
    std::uint64_t epoch = 0;
    Route route;
    bool forget = false;
    std::string unreadable = {};
};
/// From the host. That JournalRoute is on disk (fsync).
struct RouteDurable {
    RouteId id;
    std::uint64_t ticket = 0;
};
/// From the host. That JournalRoute waits for room.
struct RouteUnkept {
    RouteId id;
    std::uint64_t ticket = 0;
    std::string why;
};
/// What a look at the router found, after whatever was not in force was set.
struct RouteLooked {
    std::uint64_t ticket = 0;  ///< of ApplyRoute
    RouteReport report;
};

// ---- out

/// Write and fsync, then answer RouteDurable; RouteUnkept where that takes longer. Nothing of it
/// may be set before.
struct JournalRoute {
    Route route;
    std::uint64_t ticket = 0;  ///< names this one as long as the process lives
};
/// Write and fsync, nobody waits for it. Lost in a crash of the host, it would be set once more.
struct JournalForgetRoute {
    RouteId id;
};
/// From now on look again and again, set what is not in force, answer RouteLooked each time. It
/// takes the place of what was applied under its id.
struct ApplyRoute {
    Route route;
    std::uint64_t ticket = 0;
};
/// Look no more; the router stays as it is.
struct DropRoute {
    RouteId id;
};
/// To the daemon, if the link is up; also in the next inventory.
struct ReportRoute {
    RouteReport report;
};
using RouteEffect =
    std::variant<JournalRoute, JournalForgetRoute, ApplyRoute, DropRoute, ReportRoute>;
using RouteEffects = std::vector<RouteEffect>;

[[nodiscard]] RouteId id_of(const Route& route);

class Routes {
public:
    Routes() = default;
    /// From the journal.
    explicit Routes(std::vector<Route> kept);

    [[nodiscard]] std::vector<ApplyRoute> boot() const;
    /// Its epoch has been accepted.
    [[nodiscard]] RouteEffects set(const SetRouteCommand& command);
    [[nodiscard]] RouteEffects durable(const RouteDurable& input);
    [[nodiscard]] RouteEffects unkept(const RouteUnkept& input);
    [[nodiscard]] RouteEffects looked(const RouteLooked& input);

    [[nodiscard]] bool keeps(const RouteId& id) const { return kept_.contains(id); }
    /// Of each route that is kept, as of the last look.
    [[nodiscard]] std::vector<RouteReport> reports() const;

private:
    struct Kept {
        Route route;
        std::uint64_t ticket = 0;
        RouteReport report;
        bool told = false;  ///< the report, or one since the route came
        /// A newer one that could not be read: its revision, and why.
        std::optional<std::pair<std::uint64_t, std::string>> refused = std::nullopt;
        std::string unkept = {};  ///< why it is not durable yet; empty: it is, or is about to be
    };

    [[nodiscard]] RouteEffects forget(const RouteId& id);
    [[nodiscard]] RouteEffects refuse(const Route& route, std::string why);
    Kept& keep(Route route);

    std::uint64_t tickets_ = 0;
    std::map<RouteId, Kept> kept_;
};

}  // namespace tidegate::machine
