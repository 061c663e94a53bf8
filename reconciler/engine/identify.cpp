#include <algorithm>
#include <charconv>
#include <utility>

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
    const Release* last = nullptr;  ///< of the same; what ended before another intent began is past
    int highest = -1;               ///< of all of this intent
};

/// An intent comes back when a person accepts that the branch was forced back to it.
Tries tries_of(const State& state, const AssignmentState& assignment, const Candidate& candidate) {
    Tries tries;
    bool past = false;
    const auto& ids = assignment.releases;
    for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
        const auto& release = state.releases.at(*id);
        if (release.commit != assignment.wish->intent.commit) {
            past = past || (release.started_at && !is_upkeep(release.kind));
            continue;
        }
        tries.highest = std::max(tries.highest, try_of(release.cause));
        const bool same = release.kind == candidate.kind && release.digest == candidate.digest &&
                          without_try(release.cause) == candidate.cause;
        if (same && !tries.last && (!past || !is_final(release.status))) tries.last = &release;
    }
    return tries;
}

}  // namespace

bool is_forced(std::string_view cause) { return without_try(cause) == kForced; }

/// An id is never used again: agents would answer its actions from their journals. Once releases
/// may have been pruned, a new try gets a number above all that are kept, the newest among them.
/// The numbers of former builds are in no cause: their ids are passed over.
void identify(const State& state, const AssignmentKey& key, Candidate& candidate, bool again) {
    const auto& assignment = state.assignments.at(key);
    const auto [last, highest] = tries_of(state, assignment, candidate);
    if (last && (!is_final(last->status) || (!again && last->status != ReleaseStatus::cancelled))) {
        candidate.id = last->id;
        candidate.cause = last->cause;
        return;
    }
    const bool is_first = !last && assignment.releases.size() < limits::kReleasesKeptPerAssignment;
    const auto cause = std::exchange(candidate.cause, {});
    for (int number = is_first ? 0 : highest + 1;; number = std::max(number, highest) + 1) {
        candidate.cause = number == 0 ? cause : fmt::format("{}{}{}", cause, kTryMark, number);
        candidate.id =
            planner::release_id(state.desired->root_commit, key, candidate.kind,
                                assignment.wish->intent.commit, candidate.digest, candidate.cause);
        if (!state.releases.contains(candidate.id)) return;
    }
}

}  // namespace tidegate::engine
