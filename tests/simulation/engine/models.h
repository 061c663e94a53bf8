#pragma once
/// Which models of faults and wishes take part in a world. One that shows a fault of the engine
/// that is not mended yet is off by default and says what is missing; none is.

#include "schema/model/names.h"

namespace tidegate::simulation {

/// Of whatever slot.
[[nodiscard]] inline InstallKey slotless(InstallKey key) {
    key.slot.clear();
    return key;
}

struct Models {
    /// What an agent has started goes on when it dies.
    bool processes_live = true;
    /// Writes take up to minutes while events go on; a full disk is waited out.
    bool slow_store = true;
    /// Merges both ways round, files that assignments share, commits that are not valid, edits that
    /// ask for nothing.
    bool histories = true;
    /// Targets arrive, leave, go to another agent or environment.
    bool moving_fleet = true;

    /// The daemon is away for hours, beyond every deadline.
    bool long_downtimes = true;
    /// The wall clocks of the daemon and the hosts are set forth and back.
    bool clock_jumps = true;
    /// Nothing comes back by itself to where a finished uninstall took it from.
    bool absent_is_kept = true;
    /// Some installations drift again after every heal.
    bool restless = true;
    /// A probe finds the new version of what its checks fail.
    bool probes_see_bad = true;
    /// A revert leaves what the tip says of pins and pausing, and never lowers `retry`.
    bool reverts_keep_rules = true;
    /// Agents die and stay away till the end, and some of them are revoked.
    bool lost_agents = true;
    /// An agent runs eight processes at once, and a link breaks that more waits for than its queue
    /// holds.
    bool bounded_queues = true;
    /// What a slow store held back is judged when it leaves.
    bool judged_when_sent = true;
    /// People pin every target; nothing becomes last good that nobody has.
    bool all_pinned = true;
    /// Most agents look once more at what they found drifted, and say so; a release that deployed
    /// it waits for that.
    bool second_looks = true;
    /// For up to half an hour a host has what it lacks in the way of every action: nothing begins.
    bool host_troubles = true;
};

}  // namespace tidegate::simulation
