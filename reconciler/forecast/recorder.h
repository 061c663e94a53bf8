#pragma once
/// Notes from when to when each hold stands. Private to this folder.

#include <map>
#include <string_view>
#include <vector>

#include "reconciler/engine/effect.h"
#include "reconciler/engine/state.h"
#include "reconciler/forecast/timeline.h"

namespace tidegate::forecast {

/// Why nothing moves before the forecast begins: no hold that anybody will see.
inline constexpr std::string_view kNotBegun = "the forecast has not begun";

class Recorder {
public:
    /// What an assignment is held by from `now` on.
    void note(const AssignmentKey& key, const std::vector<Hold>& holds, Timestamp now);
    [[nodiscard]] const std::vector<HoldSpan>& of(const AssignmentKey& key) const;

private:
    std::map<AssignmentKey, std::vector<HoldSpan>> spans_;  ///< in order of their begin
};

}  // namespace tidegate::forecast
