#include "reconciler/engine/life.h"

#include <algorithm>
#include <utility>

#include "schema/model/json.h"

namespace tidegate::engine {
namespace {

constexpr auto kLifeRow = "lived";

}  // namespace

Lived Life::at(Milliseconds reading) {
    const auto gap = reading - std::exchange(last_, reading).value_or(reading);
    if (gap > limits::kLifeGapMax) {
        grace_left_ = limits::kAgentGrace;
        slept_ = true;
        return lived_;
    }
    const auto grace = std::clamp(gap, Milliseconds{0}, grace_left_);
    grace_left_ -= grace;
    lived_ += std::max(gap - grace, Milliseconds{0});
    return lived_;
}

void Life::all_are_back() {
    if (!slept_) grace_left_ = Milliseconds{0};
}

Milliseconds Life::until(Lived then) const {
    return then <= lived_ ? Milliseconds{0} : grace_left_ + (then - lived_);
}

Result<Lived> stored_life(std::span<const Row> rows) {
    const auto found = std::ranges::find_if(
        rows, [](const Row& row) { return row.table == Table::meta && row.key == kLifeRow; });
    return found == rows.end() ? Lived{} : lived_from_json(found->body);
}

Put keep_life(Lived lived) { return {Table::meta, kLifeRow, to_json(lived)}; }

}  // namespace tidegate::engine
