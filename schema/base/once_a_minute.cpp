#include "schema/base/once_a_minute.h"

#include <fmt/core.h>

#include <utility>

#include "schema/base/limits.h"

namespace tidegate {

std::optional<std::uint64_t> OnceAMinute::say(const std::string& subject, Milliseconds now,
                                              int most) {
    constexpr std::chrono::minutes kOnce{1};
    const auto is_over = [&](const auto& item) { return now - item.second.since >= kOnce; };
    const bool is_new = !subjects_.contains(subject);
    if (is_new && subjects_.size() >= limits::kSubjectsMax) std::erase_if(subjects_, is_over);
    const bool full = is_new && subjects_.size() >= limits::kSubjectsMax;
    const auto [found, first] = subjects_.try_emplace(full ? "" : subject, Last{now});
    if (first) return 0;
    auto& last = found->second;
    if (is_over(*found)) return std::exchange(last, Last{now}).unsaid;
    if (last.said < most) {
        ++last.said;
        return 0;
    }
    ++last.unsaid;
    return std::nullopt;
}

std::string and_unsaid(std::uint64_t times) {
    return times == 0 ? "" : fmt::format(" (and {} times more that were not said)", times);
}

}  // namespace tidegate
