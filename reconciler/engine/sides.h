#pragma once
/// The two sides of an assignment with slots: where it works, who gets its traffic, what routers
/// say. One with traffic but without slots has the side "" only, of which what is being changed
/// gets nothing (drain.h). A route is desired state (schema/model/route.h): it is changed here,
/// sent until each router has it, and sent again to one that comes back or tells of an older one.
///
///     first install     live ""     weights {}                     → blue 100
///     a new version     live blue   {blue 100} → {blue 75, green 25} → {green 100}, live green
///     a bad one         live blue   {blue 75, green 25} → {blue 100}, at once

#include <string>
#include <vector>

#include "reconciler/engine/routers.h"

namespace tidegate::engine {

/// Since its first release with slots has begun to serve there, until its uninstall.
[[nodiscard]] bool has_slots(const Sides& sides);
/// What is kept is there; empty: without slots, or nothing yet.
[[nodiscard]] std::string live_slot(const State& state, const AssignmentKey& key);
/// That a release of that kind works in, if it begins now. Retire: release_machine has it.
[[nodiscard]] std::string slot_for(const State& state, const AssignmentKey& key, ReleaseKind kind);
/// Beside what serves: until it is routed to, nobody notices what it does.
[[nodiscard]] bool is_beside(const State& state, const Release& release);
/// Something serves that traffic can go back to.
[[nodiscard]] bool has_old_side(const State& state, const AssignmentKey& key);

[[nodiscard]] bool route_stands(const State& state, const AssignmentKey& key);
/// Without slots: the first route by the wish's traffic. Not before its agents have said what is
/// there, or are given up: who is not known to serve gets nothing.
void begin_in_place(Turn& turn, const AssignmentKey& key);
/// The route of the state that is kept, by the wish's `traffic`; what it lacks to be in force.
/// Before anything new is begun: a balancer may know a server that is only about to come.
[[nodiscard]] std::vector<Hold> standing_route_holds(Turn& turn, const AssignmentKey& key);
/// That share to the release's slot, the rest to the live one; of an uninstall nothing to anybody.
/// Only what it has deployed gets any.
void route_to(Turn& turn, const Release& release, int weight);
/// Fewer than half of what serves would take over.
[[nodiscard]] bool is_crowding(const State& state, const Release& release);
/// All to the live slot; nothing where there is none. Free to be repeated.
void route_back(Turn& turn, const AssignmentKey& key);
/// A release went well: what it brought serves, or is gone.
void settle_sides(Turn& turn, const Release& release);
/// Once per look: those that left get nothing any more, and routers get what they lack.
void tend_sides(Turn& turn, const AssignmentKey& key);
/// The route is as these say from now on; it is still to be sent.
void change_route(Turn& turn, Sides sides);
/// A first release that had all the traffic, and makes way: it is what serves now.
void leave_live(Turn& turn, const Release& release);
/// After a lost store: the slot of last good, as agents have it; their newest revision is passed.
void recall_sides(Turn& turn, const AssignmentKey& key);

}  // namespace tidegate::engine
