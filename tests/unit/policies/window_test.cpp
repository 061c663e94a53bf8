#include <gtest/gtest.h>

#include "policies/window.h"
#include "reconciler/timezone/zones.h"

namespace tidegate {
namespace {

using namespace std::chrono_literals;

WindowSlot slot(std::set<int> days, std::chrono::minutes start, std::chrono::minutes end) {
    return {std::move(days), start, end, {}};
}

const std::set<int> kWorkdays{1, 2, 3, 4, 5};

ReleaseWindow shanghai_office() {
    ReleaseWindow window;
    window.name = "business-hours";
    window.timezone = "Asia/Shanghai";
    window.allowed = {slot(kWorkdays, 10h, 12h), slot(kWorkdays, 14h, 17h)};
    window.blackout_dates = {std::chrono::year{2026} / 10 / 1};
    return window;
}
ReleaseWindow nightly_berlin() {
    ReleaseWindow window;
    window.timezone = "Europe/Berlin";
    window.allowed = {slot({5}, 22h, 4h)};
    return window;
}
ReleaseWindow in_the_gap() {
    ReleaseWindow window;
    window.timezone = "America/New_York";
    window.allowed = {slot({7}, 2h + 30min, 4h)};
    return window;
}
ReleaseWindow twice_in_autumn(bool closing) {
    ReleaseWindow window;
    window.timezone = "America/New_York";
    auto& slots = closing ? window.deny : window.allowed;
    slots.push_back(slot({7}, 0h, 1h + 30min));
    return window;
}
ReleaseWindow denied_at_noon() {
    ReleaseWindow window;
    window.deny = {{{}, 12h, 13h, "lunch"}};
    window.maintenance = {slot({6}, 12h + 30min, 15h)};
    return window;
}
ReleaseWindow never() {
    ReleaseWindow window;
    window.deny = {slot({}, 0h, 24h)};
    return window;
}
ReleaseWindow disabled() {
    auto window = never();
    window.enabled = false;
    return window;
}

struct WindowCase {
    const char* name;
    ReleaseWindow window;
    const char* now;
    bool open;
    const char* changes;  ///< empty = not within the horizon
};
class WindowTest : public testing::TestWithParam<WindowCase> {};
TEST_P(WindowTest, MatchesExpected) {
    const auto& [name, window, now, open, changes] = GetParam();
    const auto zone = find_zone(window.timezone);
    ASSERT_TRUE(zone);
    const auto state = window_state(window, *zone, *parse_rfc3339(now));
    EXPECT_EQ(state.open, open) << state.reason;
    EXPECT_EQ(state.changes ? format_rfc3339(*state.changes) : "", changes);
    EXPECT_EQ(state.reason.empty(), open);
}
INSTANTIATE_TEST_SUITE_P(
    Cases, WindowTest,
    testing::Values(WindowCase{"inside", shanghai_office(), "2026-11-23T10:00:00+08:00", true,
                               "2026-11-23T04:00:00Z"},
                    WindowCase{"end is closed", shanghai_office(), "2026-11-23T12:00:00+08:00",
                               false, "2026-11-23T06:00:00Z"},
                    WindowCase{"weekend", shanghai_office(), "2026-11-22T11:00:00+08:00", false,
                               "2026-11-23T02:00:00Z"},
                    WindowCase{"blackout", shanghai_office(), "2026-10-01T11:00:00+08:00", false,
                               "2026-10-02T02:00:00Z"},
                    WindowCase{"over midnight, next morning", nightly_berlin(),
                               "2026-11-28T03:00:00+01:00", true, "2026-11-28T03:00:00Z"},
                    WindowCase{"over midnight, the morning before", nightly_berlin(),
                               "2026-11-27T03:00:00+01:00", false, "2026-11-27T21:00:00Z"},
                    WindowCase{"start in the spring gap moves forward", in_the_gap(),
                               "2026-03-08T06:59:00Z", false, "2026-03-08T07:00:00Z"},
                    WindowCase{"after the spring gap", in_the_gap(), "2026-03-08T07:00:00Z", true,
                               "2026-03-08T08:00:00Z"},
                    WindowCase{"allowed ends at the first 01:30", twice_in_autumn(false),
                               "2026-11-01T05:29:00Z", true, "2026-11-01T05:30:00Z"},
                    WindowCase{"closed at the second 01:29", twice_in_autumn(false),
                               "2026-11-01T06:29:00Z", false, "2026-11-08T05:00:00Z"},
                    WindowCase{"deny ends at the second 01:30", twice_in_autumn(true),
                               "2026-11-01T06:29:00Z", false, "2026-11-01T06:30:00Z"},
                    WindowCase{"deny wins, both must end", denied_at_noon(), "2026-11-21T12:10:00Z",
                               false, "2026-11-21T15:00:00Z"},
                    WindowCase{"deny alone", denied_at_noon(), "2026-11-20T12:10:00Z", false,
                               "2026-11-20T13:00:00Z"},
                    WindowCase{"open until the deny", denied_at_noon(), "2026-11-20T11:00:00Z",
                               true, "2026-11-20T12:00:00Z"},
                    WindowCase{"never opens", never(), "2026-11-20T11:00:00Z", false, ""},
                    WindowCase{"disabled", disabled(), "2026-11-20T11:00:00Z", true, ""}),
    [](const auto& test) {
        std::string name = test.param.name;
        for (auto& c : name)
            if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
        return name;
    });

TEST(ZoneTest, UnknownZoneIsNull) {
    EXPECT_FALSE(find_zone("Mars/Olympus"));
    EXPECT_GT(zone_names().size(), 300u);
}

TEST(LocalTextTest, SaysWhatAClockThereShows) {
    struct Case {
        const char* zone;
        const char* at;
        const char* expected;
    };
    for (const auto& [zone, at, expected] :
         {Case{"UTC", "2026-11-23T02:00:00Z", ""},
          Case{"Pacific/Kiritimati", "2026-11-23T02:00:00Z",
               "Mon 2026-11-23 16:00 +14:00 Pacific/Kiritimati"},
          Case{"Pacific/Kiritimati", "2026-12-31T10:00:00Z",
               "Fri 2027-01-01 00:00 +14:00 Pacific/Kiritimati"},
          Case{"America/St_Johns", "2026-07-01T00:00:07Z",
               "Tue 2026-06-30 21:30:07 -02:30 America/St_Johns"},
          Case{"America/New_York", "2026-11-01T05:30:00.999Z",
               "Sun 2026-11-01 01:30 -04:00 America/New_York"},
          Case{"America/New_York", "2026-11-01T06:30:00Z",
               "Sun 2026-11-01 01:30 -05:00 America/New_York"}})
        EXPECT_EQ(local_text(*find_zone(zone), *parse_rfc3339(at)), expected) << zone << ' ' << at;
}

/// Whatever the zone and the slots: a promised change is a change, and nothing changes before it.
TEST(WindowPropertyTest, ChangesAreExact) {
    for (const auto* name :
         {"Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Tehran", "Pacific/Apia"}) {
        const auto zone = find_zone(name);
        ASSERT_TRUE(zone) << name;
        ReleaseWindow window;
        window.allowed = {slot({}, 23h, 1h), slot({2, 7}, 0h, 2h + 15min)};
        window.deny = {slot({7}, 1h + 45min, 2h + 10min)};
        auto at = *parse_rfc3339("2018-01-01T00:07:00Z");
        for (int i = 0; i < 300; ++i, at += 25h + 13min) {
            const auto state = window_state(window, *zone, at);
            ASSERT_TRUE(state.changes);
            for (auto probe = at; probe < *state.changes; probe += 7min)
                ASSERT_EQ(window_state(window, *zone, probe).open, state.open)
                    << name << ' ' << format_rfc3339(at) << ' ' << format_rfc3339(probe);
            ASSERT_NE(window_state(window, *zone, *state.changes).open, state.open)
                << name << ' ' << format_rfc3339(at);
        }
    }
}

}  // namespace
}  // namespace tidegate
