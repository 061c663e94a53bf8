#pragma once
/// Which release comes next for an assignment, and what it waits for.
///
/// head: what the wish itself asks for: introduce, a person's restore, uninstall.
/// side: keeping what is last good, while no head is active: forced operations, catch_up, heal.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// The cause of a forced operation; in a later try a number follows (identify).
inline constexpr auto kForced = "operation";
[[nodiscard]] bool is_forced(std::string_view cause);

struct Candidate {
    ReleaseKind kind = ReleaseKind::introduce;
    Digest digest;
    std::string digest_commit;
    std::string version;
    std::string cause;
    std::vector<const DesiredTarget*> targets;  ///< not yet as they should be; in order
    std::string id;
    std::string slot{};  ///< retire: that is cleared
};

/// Gives it the id of its last try if that has not ended, or has and is not tried `again` (what was
/// cancelled always is); else that of a new try, whose cause then ends in `#N`.
void identify(const State& state, const AssignmentKey& key, Candidate& candidate, bool again);

/// nullopt: the wish is fulfilled, or blocked. `why` then says by what, if by something.
[[nodiscard]] std::optional<Candidate> head_of(const State& state, const AssignmentKey& key,
                                               Lived now, std::vector<Hold>* why = nullptr);
/// `operation` on a wish that is last good already: once per intent commit of a person, on all but
/// pinned targets. One that made way to others comes again for those that it had not reached.
[[nodiscard]] std::optional<Candidate> forced_of(const State& state, const AssignmentKey& key);
/// Only online, unblocked targets that nothing is on its way to. Wakes when a block ends.
/// `head_waits_for_agents`, and for nothing else: what has the new version already stays there.
[[nodiscard]] std::optional<Candidate> side_of(Turn& turn, const AssignmentKey& key,
                                               bool head_waits_for_agents);

/// What a head, or a forced operation, waits for before its start.
[[nodiscard]] std::vector<Hold> start_holds(Turn& turn, const AssignmentKey& key,
                                            const Candidate& candidate);

/// What has to be made ready once nothing else keeps a head from beginning: a free slot, and
/// routers that send nothing there.
[[nodiscard]] std::vector<Hold> make_ready(Turn& turn, const AssignmentKey& key,
                                           const Candidate& candidate);

/// Starts what can start; keeps the pending release and the assignment's holds up to date.
void begin_next(Turn& turn, const AssignmentKey& key);

}  // namespace tidegate::engine
