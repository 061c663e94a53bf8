#pragma once
/// The fleets that worlds begin with.

#include "tests/simulation/engine/documents.h"

namespace tidegate::simulation {

/// prod: five targets on four agents, rolling; edge: three, all at once, open from 0 to 12 o'clock.
[[nodiscard]] Fleet usual_fleet();
/// The same with another `on_close` in edge; where a step may end later, its targets go one by one.
[[nodiscard]] Fleet fleet_closing(OnClose on_close);

/// edge's window has several slots: by `kind`, two with a closing one inside, or one over midnight
/// beside one on working days.
[[nodiscard]] Fleet with_slots(Fleet fleet, int kind);
/// wide: 200 targets on as many agents; deep: 60 projects on each of three agents; and edge.
[[nodiscard]] Fleet large_fleet();
/// prod behind two balancers, each target out of traffic while something is done to it.
[[nodiscard]] Fleet with_drains(Fleet fleet);
/// prod blue-green behind two balancers, all at once or by weights; with `waits` a person has to
/// promote each.
[[nodiscard]] Fleet with_blue_green(Fleet fleet, bool hybrid, bool waits);
/// Where balancers are; nobody moves them.
inline constexpr auto kGates = "gates";
/// prod in canary steps; with `waits` a person has to promote each.
[[nodiscard]] Fleet with_canary(Fleet fleet, bool waits);

}  // namespace tidegate::simulation
