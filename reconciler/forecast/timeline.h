#pragma once
/// What a forecast comes to: for each assignment that a change concerns, what would happen, when,
/// and what would hold it. Plain values; every text form of them is made in cli/.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "reconciler/planner/way_back.h"
#include "schema/model/assignment.h"
#include "schema/model/release.h"

namespace tidegate::forecast {

/// A hold for as long as it lasts.
struct HoldSpan {
    Hold hold;  ///< `until`: as its gate told it, where it could
    Timestamp from;
    std::optional<Timestamp> to;  ///< none: it stands until a person acts, or beyond the forecast
};

/// A release that waited for a person's word: the forecast goes on as if it came at once, so all
/// that follows is told as "so long after the promote".
struct Promoted {
    std::string release;
    int step = 0;  ///< the await's index
    Timestamp at;
    std::string by;  ///< whose word was assumed
};

/// One release as the engine leaves it at the forecast's end; its steps and targets have times.
struct ReleaseTimeline {
    Release release;
    /// It does not begin before a person acts: its times are those as if that were done at the
    /// forecast's begin; without any it cannot be foretold.
    bool waits = false;
    std::vector<Promoted> promotes;
    std::string live{};  ///< the slot that is live in the end; empty: it has none
    std::vector<planner::BackStep> way_back{};  ///< of one that was taken back, as far as it came

    /// The last one of an await that stands before that step; null: none does.
    [[nodiscard]] const Promoted* promote_before(int step) const;
};

/// What a failure would do, tried on the last target of a release's last deploy step.
struct Undo {
    int step = 0;
    std::string target;
    ReleaseStatus status = ReleaseStatus::failed;
    std::string reason;
    std::vector<std::string> restored;  ///< went back
    std::vector<std::string> left;      ///< were touched, and stay as they are
    std::string to;                     ///< the version that they went back to; empty = none
    Milliseconds took{0};               ///< from the failure until all of them were back
    RevertState revert = RevertState::none;
    std::string slot{};   ///< that it worked in, and which is removed; empty: it has none
    std::string live{};   ///< the slot that serves on; empty: it has none
    bool routed = false;  ///< some of the traffic went to `slot`, and goes back
    std::vector<planner::BackStep> steps{};  ///< of the way back
    planner::Situation situation{};          ///< that it began from
};

/// What becomes of one assignment.
struct Timeline {
    AssignmentKey key;
    AssignmentPtr before;                   ///< null: it is new
    AssignmentPtr after;                    ///< null: it leaves Git
    std::vector<ReleaseTimeline> releases;  ///< in order; those that never began stand at the end
    std::size_t more = 0;                   ///< releases beyond kReleasesShown
    std::vector<HoldSpan> holds;            ///< in order of their begin
    std::vector<std::string> come;          ///< targets
    std::vector<std::string> leave;
    std::vector<std::string> away;  ///< whose agents are not connected; routers too
    std::optional<Undo> undo;

    /// The first one that brings about what is wished; null: nothing moves.
    [[nodiscard]] const ReleaseTimeline* first() const {
        return releases.empty() ? nullptr : &releases.front();
    }
};
inline constexpr std::size_t kReleasesShown = 20;

/// Why a forecast ends before all has come to rest.
enum class Cut { none, span, cpu };

struct Forecast {
    Timestamp at;
    std::vector<Timeline> timelines;  ///< by key; of what stays as it is there is none
    Cut cut = Cut::none;
    Timestamp cut_at;  ///< how far it came
};

}  // namespace tidegate::forecast
