#include "policies/window.h"

#include <algorithm>
#include <array>
#include <set>

namespace tidegate {
namespace {

using namespace std::chrono;

constexpr int kHorizonDays = 400;

struct Interval {
    Timestamp start;
    Timestamp end;

    [[nodiscard]] bool contains(Timestamp at) const { return start <= at && at < end; }
};

local_days local_day(const ZoneRules& zone, Timestamp at) {
    return floor<days>(local_time<milliseconds>{at.time_since_epoch() + offset_at(zone, at)});
}

bool starts_on(const WindowSlot& slot, local_days day) {
    return slot.days.empty() || slot.days.contains(static_cast<int>(weekday{day}.iso_encoding()));
}

Interval interval_of(const WindowSlot& slot, const ZoneRules& zone, local_days day, bool closing) {
    const auto end_day = slot.end <= slot.start ? day + days{1} : day;
    return {from_local(zone, day + slot.start, Occurrence::first),
            from_local(zone, end_day + slot.end, closing ? Occurrence::second : Occurrence::first)};
}

/// The slot whose interval, started today or yesterday, contains the instant.
const WindowSlot* slot_at(const std::vector<WindowSlot>& slots, const ZoneRules& zone, Timestamp at,
                          bool closing) {
    const auto today = local_day(zone, at);
    for (const auto& slot : slots)
        for (const auto day : {today - days{1}, today})
            if (starts_on(slot, day) && interval_of(slot, zone, day, closing).contains(at))
                return &slot;
    return nullptr;
}

std::string label(const ReleaseWindow& window) {
    return window.name.empty() ? "the release window" : window.name;
}

std::string closed_by(const WindowSlot& slot, std::string_view kind) {
    return slot.reason.empty() ? std::string(kind) : fmt::format("{}: {}", kind, slot.reason);
}

/// Why the window is closed at an instant; empty = it is open.
std::string closed_reason(const ReleaseWindow& window, const ZoneRules& zone, Timestamp at) {
    const auto name = label(window);
    const year_month_day today{local_day(zone, at)};
    if (window.blackout_dates.contains(today))
        return fmt::format("{} is closed: {:04}-{:02}-{:02} is a blackout date", name,
                           static_cast<int>(today.year()), static_cast<unsigned>(today.month()),
                           static_cast<unsigned>(today.day()));
    if (const auto* slot = slot_at(window.deny, zone, at, true))
        return fmt::format("{} is closed by a {}", name, closed_by(*slot, "deny window"));
    if (const auto* slot = slot_at(window.maintenance, zone, at, true))
        return fmt::format("{} is closed by a {}", name, closed_by(*slot, "maintenance window"));
    if (!window.allowed.empty() && slot_at(window.allowed, zone, at, false) == nullptr)
        return fmt::format("{} is closed", name);
    return {};
}

/// Every instant of one local day at which the window might open or close.
void add_boundaries(const ReleaseWindow& window, const ZoneRules& zone, local_days day,
                    std::set<Timestamp>& out) {
    const auto add = [&](const std::vector<WindowSlot>& slots, bool closing) {
        for (const auto& slot : slots) {
            if (!starts_on(slot, day)) continue;
            const auto interval = interval_of(slot, zone, day, closing);
            out.insert({interval.start, interval.end});
        }
    };
    add(window.allowed, false);
    add(window.deny, true);
    add(window.maintenance, true);
    const auto midnight = from_local(zone, day, Occurrence::first);
    if (window.blackout_dates.contains(year_month_day{day}) ||
        window.blackout_dates.contains(year_month_day{day - days{1}}))
        out.insert(midnight);
}

/// The first instant after `now` at which the window is open (or closed), within the horizon.
std::optional<Timestamp> next_change(const ReleaseWindow& window, const ZoneRules& zone,
                                     Timestamp now, bool wanted_open) {
    const auto today = local_day(zone, now);
    for (auto day = today; day <= today + days{kHorizonDays}; day += days{1}) {
        const auto day_ends = from_local(zone, day + days{1}, Occurrence::second);
        std::set<Timestamp> boundaries;
        add_boundaries(window, zone, day - days{1}, boundaries);
        add_boundaries(window, zone, day, boundaries);
        for (const auto at : boundaries)
            if (at > now && at < day_ends && closed_reason(window, zone, at).empty() == wanted_open)
                return at;
    }
    return std::nullopt;
}

}  // namespace

Seconds offset_at(const ZoneRules& zone, Timestamp at) {
    const auto after = std::upper_bound(
        zone.transitions.begin(), zone.transitions.end(), at,
        [](Timestamp instant, const ZoneRules::Transition& t) { return instant < t.at; });
    return after == zone.transitions.begin() ? zone.first_offset : std::prev(after)->offset;
}

std::string local_text(const ZoneRules& zone, Timestamp at) {
    if (zone.name == "UTC") return {};
    constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    const auto offset = offset_at(zone, at);
    auto local = format_rfc3339(floor<seconds>(at) + offset);
    local.resize(local.ends_with(":00Z") ? local.size() - 4 : local.size() - 1);
    local[local.find('T')] = ' ';
    const auto ahead = abs(floor<minutes>(offset));
    return fmt::format("{} {} {}{:02}:{:02} {}", kDays[weekday{local_day(zone, at)}.c_encoding()],
                       local, offset < seconds{0} ? '-' : '+', floor<hours>(ahead).count(),
                       (ahead % hours{1}).count(), zone.name);
}

Timestamp from_local(const ZoneRules& zone, local_seconds local, Occurrence which) {
    const Timestamp naive{local.time_since_epoch()};
    const auto before = offset_at(zone, naive - hours{36});
    const auto after = offset_at(zone, naive + hours{36});
    const auto early = naive - std::max(before, after);
    const auto late = naive - std::min(before, after);
    const auto shows = [&](Timestamp at) { return at + offset_at(zone, at) == naive; };
    if (shows(early) && (which == Occurrence::first || !shows(late))) return early;
    if (shows(late)) return late;
    // In a gap: the transition itself is where the clock jumps over this local time.
    for (const auto& transition : zone.transitions)
        if (transition.at > early && transition.at <= late) return transition.at;
    return late;
}

WindowState window_state(const ReleaseWindow& window, const ZoneRules& zone, Timestamp now) {
    if (!window.enabled) return {true, {}, {}};
    auto reason = closed_reason(window, zone, now);
    const bool open = reason.empty();
    return {open, std::move(reason), next_change(window, zone, now, !open)};
}

}  // namespace tidegate
