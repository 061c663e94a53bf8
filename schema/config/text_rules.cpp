#include "schema/config/text_rules.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "schema/base/paths.h"

namespace tidegate::config {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_plain_number(std::string_view text, int min, int max) {
    int value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && is_digit(text.front()) && error == std::errc{} &&
           stop == text.data() + text.size() && value >= min && value <= max;
}

/// The text before `separator`; `rest` keeps what follows it, or becomes empty.
std::string_view take_until(std::string_view& rest, char separator) {
    const auto end = rest.find(separator);
    const auto head = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return head;
}

struct CronField {
    int min;
    int max;
    std::string_view names;  ///< three letters each
    int first_name;          ///< the value of the first name
};
constexpr std::array<CronField, 5> kCronFields{{{0, 59, "", 0},
                                                {0, 23, "", 0},
                                                {1, 31, "", 0},
                                                {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", 1},
                                                {0, 7, "sunmontuewedthufrisat", 0}}};

std::optional<int> cron_value(std::string_view text, const CronField& field) {
    std::string lower{text};
    for (auto& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    for (std::size_t i = 0; text.size() == 3 && i < field.names.size(); i += 3)
        if (field.names.substr(i, 3) == lower) return field.first_name + static_cast<int>(i / 3);
    if (!is_plain_number(text, field.min, field.max)) return std::nullopt;
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// `*`, `5`, `1-5`, each with `/2` or not.
bool is_cron_item(std::string_view item, const CronField& field) {
    const bool stepped = item.find('/') != std::string_view::npos;
    const auto range = take_until(item, '/');
    if (stepped && !is_plain_number(item, 1, field.max)) return false;
    if (range == "*") return true;
    auto rest = range;
    const auto first = cron_value(take_until(rest, '-'), field);
    if (range.find('-') == std::string_view::npos) return first.has_value();
    const auto last = cron_value(rest, field);
    return first && last && *first <= *last;
}

bool is_cron_field(std::string_view text, const CronField& field) {
    if (text.empty() || text.ends_with(',')) return false;
    while (!text.empty())
        if (!is_cron_item(take_until(text, ','), field)) return false;
    return true;
}

}  // namespace

bool is_http_url(std::string_view text) {
    if (text.starts_with("${")) return true;
    for (const auto scheme : {std::string_view("http://"), std::string_view("https://")})
        if (text.starts_with(scheme))
            return text.size() > scheme.size() && text[scheme.size()] != '/' &&
                   text.find_first_of(" \t\r\n") == std::string_view::npos;
    return false;
}

bool is_absolute_path(std::string_view text) {
    return text.starts_with('/') || text.starts_with("${");
}

bool is_sha256(std::string_view text) {
    return text.size() == 64 && std::ranges::all_of(text, is_hex);
}

bool is_commit(std::string_view text) {
    return (text.size() == 40 || text.size() == 64) &&
           std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_port(std::string_view text) {
    return text.starts_with("${") || is_plain_number(text, 1, 65535);
}

bool is_size(std::string_view text) {
    const auto unit = text.find_first_not_of("0123456789");
    if (unit == 0 || text.empty()) return false;
    auto rest = unit == std::string_view::npos ? std::string_view{} : text.substr(unit);
    if (rest.starts_with(' ')) rest.remove_prefix(1);
    constexpr std::array kUnits{"",   "B",  "K",  "M",   "G",   "T",   "KB",
                                "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"};
    return std::ranges::find(kUnits, rest) != kUnits.end();
}

bool is_instant(std::string_view text) { return parse_rfc3339(text).has_value(); }

bool is_encrypted(std::string_view text) {
    if (take_until(text, ':') != "encrypted") return false;
    const auto scheme = take_until(text, ':');
    return !text.empty() && !scheme.empty() && std::ranges::all_of(scheme, [](char c) {
        return is_letter(c) || is_digit(c) || c == '_' || c == '-';
    });
}

bool is_artifact_url(std::string_view text) {
    if (text.starts_with("file:///")) return text.find_first_of(" \t\r\n") == text.npos;
    return is_http_url(text) || (is_not_empty(text) && text.find_first_of(": \t\r\n") == text.npos);
}

bool is_zone_name(std::string_view text) {
    return !text.empty() && text.front() != '/' && std::ranges::all_of(text, [](char c) {
        return is_letter(c) || is_digit(c) || c == '_' || c == '+' || c == '-' || c == '/';
    });
}

bool is_cron(std::string_view text) {
    std::size_t count = 0;
    while (is_not_empty(text)) {
        const auto field = take_until(text, ' ');
        if (field.empty()) continue;
        if (count == kCronFields.size() || !is_cron_field(field, kCronFields[count++]))
            return false;
    }
    return count == kCronFields.size();
}

void Folder::operator()(Place place, std::string& out) const {
    kAbsolutePath(place, out);
    if (!place.describing() && has_parent_part(out))
        place.error_since(Checks::second, "{} must not have a '..' in it, got {}", place.name,
                          shown(out));
}

void Clock::operator()(Place place, std::chrono::minutes& out) const {
    const auto wanted = max == 24 * 60 ? "a time \"HH:MM\" from 00:00 to 24:00"
                                       : "a time \"HH:MM\" from 00:00 to 23:59";
    if (place.describing())
        return place.describe({{"type", {std::string("string")}},
                               {"pattern", {std::string("^([01][0-9]|2[0-4]):[0-5][0-9]$")}}});
    const auto* text = place.scalar(wanted);
    if (text == nullptr) return;
    const bool formed = text->size() == 5 && (*text)[2] == ':' &&
                        is_plain_number(text->substr(0, 2), 0, 24) &&
                        is_plain_number(text->substr(3), 0, 59);
    const auto digit = [&](std::size_t i) { return (*text)[i] - '0'; };
    const int minutes = formed ? (digit(0) * 10 + digit(1)) * 60 + digit(3) * 10 + digit(4) : -1;
    if (minutes < 0 || minutes > max) return place.refuse(wanted);
    out = std::chrono::minutes{minutes};
    place.out->data = *text;
}

void Date::operator()(Place place, std::chrono::year_month_day& out) const {
    constexpr auto kWanted = "a date \"YYYY-MM-DD\"";
    if (place.describing())
        return place.describe({{"type", {std::string("string")}},
                               {"pattern", {std::string("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")}}});
    const auto* text = place.scalar(kWanted);
    if (text == nullptr) return;
    const auto instant = parse_rfc3339(*text + "T00:00:00Z");
    if (text->size() != 10 || !instant) return place.refuse(kWanted);
    out = std::chrono::floor<std::chrono::days>(*instant);
    place.out->data = *text;
}

void Instant::operator()(Place place, Timestamp& out) const {
    std::string text;
    kInstant(place, text);
    if (const auto instant = parse_rfc3339(text); instant) out = *instant;
}

}  // namespace tidegate::config
