#include "schema/base/time.h"

#include <array>
#include <charconv>
#include <limits>

#include "schema/base/limits.h"

namespace tidegate {
namespace {

using namespace std::chrono;

/// Reads exactly `digits` decimal digits at the front of `rest` and removes them.
bool take_number(std::string_view& rest, std::size_t digits, int& out) {
    if (rest.size() < digits) return false;
    const auto* end = rest.data() + digits;
    const auto [stop, error] = std::from_chars(rest.data(), end, out);
    if (error != std::errc{} || stop != end || out < 0) return false;
    rest.remove_prefix(digits);
    return true;
}

bool take_char(std::string_view& rest, char wanted) {
    if (rest.empty() || rest.front() != wanted) return false;
    rest.remove_prefix(1);
    return true;
}

bool take_date(std::string_view& rest, sys_days& day) {
    int y = 0, m = 0, d = 0;
    const bool read = take_number(rest, 4, y) && take_char(rest, '-') && take_number(rest, 2, m) &&
                      take_char(rest, '-') && take_number(rest, 2, d);
    if (!read) return false;
    const auto date = year{y} / m / d;
    day = date;
    return date.ok();
}

bool take_clock(std::string_view& rest, milliseconds& clock) {
    int h = 0, m = 0, s = 0, fraction = 0;
    const bool read = take_number(rest, 2, h) && take_char(rest, ':') && take_number(rest, 2, m) &&
                      take_char(rest, ':') && take_number(rest, 2, s);
    if (!read || h > 23 || m > 59 || s > 60) return false;
    if (take_char(rest, '.')) {
        int digits = 0;
        for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1))
            if (digits++ < 3) fraction = fraction * 10 + (rest.front() - '0');
        if (digits == 0) return false;
        for (; digits < 3; ++digits) fraction *= 10;
    }
    clock = hours{h} + minutes{m} + seconds{s} + milliseconds{fraction};
    return true;
}

bool take_offset(std::string_view& rest, minutes& offset) {
    if (take_char(rest, 'Z') || take_char(rest, 'z')) return true;
    const int sign = !rest.empty() && rest.front() == '-' ? -1 : 1;
    int h = 0, m = 0;
    const bool read = (take_char(rest, '+') || take_char(rest, '-')) && take_number(rest, 2, h) &&
                      take_char(rest, ':') && take_number(rest, 2, m);
    if (!read || h > 23 || m > 59) return false;
    offset = sign * (hours{h} + minutes{m});
    return true;
}

struct Unit {
    char name;
    std::int64_t seconds;
};
constexpr std::array<Unit, 4> kUnits{{{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};

}  // namespace

std::string format_rfc3339(Timestamp at) {
    const auto day = floor<days>(at);
    const year_month_day date{day};
    const hh_mm_ss clock{at - day};
    auto text =
        fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    clock.hours().count(), clock.minutes().count(), clock.seconds().count());
    if (clock.subseconds().count() != 0) text += fmt::format(".{:03}", clock.subseconds().count());
    return text + 'Z';
}

Result<Timestamp> parse_rfc3339(std::string_view text) {
    auto rest = text;
    sys_days day;
    milliseconds clock{};
    minutes offset{};
    const bool read = take_date(rest, day) &&
                      (take_char(rest, 'T') || take_char(rest, 't') || take_char(rest, ' ')) &&
                      take_clock(rest, clock) && take_offset(rest, offset) && rest.empty();
    if (!read)
        return fail(ErrorCode::invalid,
                    "expected an instant like 2026-11-23T10:00:00+08:00, got '{}'", text);
    return Timestamp{day} + clock - offset;
}

Result<Seconds> parse_duration(std::string_view text) {
    const auto wrong = [&] {
        return fail(ErrorCode::invalid,
                    "expected whole seconds or a duration like 10m or 24h, got '{}'", text);
    };
    std::int64_t total = 0;
    std::size_t next_unit = 0;
    auto rest = text;
    if (rest.empty()) return wrong();
    while (!rest.empty()) {
        std::int64_t amount = 0;
        const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), amount);
        if (error != std::errc{} || amount < 0 || amount > limits::kDurationMax.count())
            return wrong();
        rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
        if (rest.empty() && next_unit == 0) {
            total = amount;
            break;
        }
        if (rest.empty()) return wrong();
        while (next_unit < kUnits.size() && kUnits[next_unit].name != rest.front()) ++next_unit;
        if (next_unit == kUnits.size()) return wrong();
        total += amount * kUnits[next_unit++].seconds;
        rest.remove_prefix(1);
    }
    if (total > limits::kDurationMax.count())
        return fail(ErrorCode::invalid, "a duration must be at most {}, got '{}'",
                    format_duration(limits::kDurationMax), text);
    return Seconds{total};
}

std::string format_duration(Seconds duration) {
    auto rest = duration.count();
    if (rest <= 0) return "0s";
    std::string text;
    for (const auto& unit : kUnits) {
        if (rest >= unit.seconds) text += fmt::format("{}{}", rest / unit.seconds, unit.name);
        rest %= unit.seconds;
    }
    return text;
}

}  // namespace tidegate
