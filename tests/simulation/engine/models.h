#pragma once
/// Which models of faults and wishes take part in a world. One that shows a fault of the engine
/// that is not mended yet stays off by default and says what is missing.

namespace tidegate::simulation {

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

    // ---- Off until the engine does what they ask for; each says what that is.

    /// The daemon is away for hours, beyond every deadline. Waits for: deadlines that count while
    /// it lives, and journals that are heard first.
    bool long_downtimes = false;
    /// The wall clocks of the daemon and the hosts are set forth and back. Waits for: the same, and
    /// an agent that is away by the time that passed.
    bool clock_jumps = false;
    /// Agents die and stay away. Waits for: an end of what was on its way there.
    bool lost_agents = false;
    /// An agent runs eight processes at once, and a link breaks that more waits for than its queue
    /// holds. Waits for: no more sent than runs at once, deadlines from an action's start.
    bool bounded_queues = false;
    /// What a slow store held back is judged when it leaves. Waits for: gates asked again then.
    bool judged_when_sent = false;
    /// People pin every target. Waits for: no last good that nobody has.
    bool all_pinned = false;
    /// Nothing comes back by itself to where a finished uninstall took it from. Waits for: "absent"
    /// as the state to keep.
    bool absent_is_kept = false;
    /// Some installations drift again after every heal. Waits for: that counted as a failed heal.
    bool restless = false;
    /// A probe finds the new version of what its checks would have failed. Waits for: checks that
    /// always decide.
    bool probes_see_bad = false;
    /// A revert leaves what the tip says of pins and pausing, and never lowers `retry`. Waits for:
    /// plan_revert to do so.
    bool reverts_keep_rules = false;
};

}  // namespace tidegate::simulation
