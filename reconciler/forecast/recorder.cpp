#include "reconciler/forecast/recorder.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace tidegate::forecast {
namespace {

/// A release's own pace, which its steps show.
constexpr std::array<std::string_view, 8> kPace{"budget",  "busy",    "interval", "verify",
                                                "loading", "history", "release",  "rollback"};
/// What routers, slots and sessions are waited for in a release is its pace as well, unless it
/// lasts.
constexpr std::array<std::string_view, 3> kShortlyPace{"router", "slot", "drain"};
constexpr Milliseconds kShortly{60'000};
/// Of one assignment: a window that opens every day for a year.
constexpr std::size_t kSpansMax = 1'000;

bool is_told(const Hold& hold) {
    return std::ranges::find(kPace, hold.gate) == kPace.end() && !hold.reason.ends_with(kNotBegun);
}

bool is_same(const Hold& left, const Hold& right) {
    return left.gate == right.gate && left.reason == right.reason && left.until == right.until;
}

bool is_nothing(const HoldSpan& span) {
    if (!span.to) return false;
    const bool pace = std::ranges::find(kShortlyPace, span.hold.gate) != kShortlyPace.end();
    return *span.to - span.from < (pace ? kShortly : Milliseconds{1});
}

}  // namespace

void Recorder::note(const AssignmentKey& key, const std::vector<Hold>& holds, Timestamp now) {
    auto& spans = spans_[key];
    for (auto& span : spans) {
        if (span.to) continue;
        const auto stands = [&](const Hold& hold) { return is_same(hold, span.hold); };
        if (std::ranges::none_of(holds, stands)) span.to = now;
    }
    for (const auto& hold : holds) {
        const auto stands = [&](const HoldSpan& span) {
            return !span.to && is_same(hold, span.hold);
        };
        if (is_told(hold) && spans.size() < kSpansMax && std::ranges::none_of(spans, stands))
            spans.push_back({hold, now, {}});
    }
    std::erase_if(spans, is_nothing);
}

const std::vector<HoldSpan>& Recorder::of(const AssignmentKey& key) const {
    static const std::vector<HoldSpan> none;
    const auto found = spans_.find(key);
    return found == spans_.end() ? none : found->second;
}

}  // namespace tidegate::forecast
