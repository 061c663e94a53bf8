#include <algorithm>
#include <charconv>

#include "reconciler/engine/next.h"
#include "reconciler/planner/action.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

constexpr char kTryMark = '#';  ///< in no name

std::string_view without_try(std::string_view cause) {
    return cause.substr(0, cause.find(kTryMark));
}

int try_of(std::string_view cause) {
    const auto mark = cause.find(kTryMark);
    int number = 0;
    if (mark != std::string_view::npos)
        std::from_chars(cause.data() + mark + 1, cause.data() + cause.size(), number);
    return number;
}

struct Tries {
    const Release* last = nullptr;  ///< of the same
    int highest = -1;               ///< of all of this intent
};

/// Releases of one intent follow each other.
Tries tries_of(const State& state, const AssignmentState& assignment, const Candidate& candidate) {
    Tries tries;
    const auto& ids = assignment.releases;
    for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
        const auto& release = state.releases.at(*id);
        if (release.commit != assignment.wish->intent.commit) break;
        tries.highest = std::max(tries.highest, try_of(release.cause));
        if (!tries.last && release.kind == candidate.kind && release.digest == candidate.digest &&
            without_try(release.cause) == candidate.cause)
            tries.last = &release;
    }
    return tries;
}

}  // namespace

/// An id is never used again: agents would answer its actions from their journals. Once releases
/// may have been pruned, a new try gets a number above all that are kept, the newest among them.
void identify(const State& state, const AssignmentKey& key, Candidate& candidate, bool again) {
    const auto& assignment = state.assignments.at(key);
    const auto [last, highest] = tries_of(state, assignment, candidate);
    if (last && (!is_final(last->status) || (!again && last->status != ReleaseStatus::cancelled))) {
        candidate.id = last->id;
        candidate.cause = last->cause;
        return;
    }
    const bool is_first = !last && assignment.releases.size() < limits::kReleasesKeptPerAssignment;
    if (!is_first && highest >= 0) candidate.cause += fmt::format("{}{}", kTryMark, highest + 1);
    candidate.id =
        planner::release_id(state.desired->root_commit, key, candidate.kind,
                            assignment.wish->intent.commit, candidate.digest, candidate.cause);
}

}  // namespace tidegate::engine
