#include "schema/base/utf8.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tidegate {
namespace {

/// Bytes of the control character at the front; 0 if there is another one.
std::size_t control_length(std::string_view text) {
    const auto at = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    if (at(0) < 0x20 || at(0) == 0x7F) return 1;
    if (at(0) == 0xC2 && at(1) >= 0x80 && at(1) <= 0x9F) return 2;
    return at(0) == 0xE2 && at(1) == 0x80 && (at(2) == 0xA8 || at(2) == 0xA9) ? 3 : 0;
}

struct Range {
    char32_t first;
    char32_t last;
};
/// Without width, or turning the order of what is read: what Unicode calls format characters (Cf)
/// and a browser or terminal may hide, and the fillers and joiners that are blank everywhere.
constexpr std::array<Range, 13> kUnseen{{{0xAD, 0xAD},
                                         {0x34F, 0x34F},
                                         {0x61C, 0x61C},
                                         {0x115F, 0x1160},
                                         {0x180E, 0x180E},
                                         {0x200B, 0x200F},
                                         {0x2028, 0x202E},
                                         {0x2060, 0x206F},
                                         {0x3164, 0x3164},
                                         {0xFEFF, 0xFEFF},
                                         {0xFFA0, 0xFFA0},
                                         {0xFFF9, 0xFFFB},
                                         {0xE0000, 0xE007F}}};

/// Bytes of the character at the front that nobody sees; 0 if there is another one.
std::size_t unseen_length(std::string_view text) {
    if (const auto length = control_length(text); length > 0) return length;
    if (static_cast<unsigned char>(text.front()) < 0x80) return 0;
    const auto point = code_point(text);
    const bool found = std::ranges::any_of(
        kUnseen, [&](const Range& range) { return point >= range.first && point <= range.last; });
    return found ? utf8_length(text) : 0;
}

/// With `stand_in` for each character of which `length_of` knows a length and that is not `kept`.
std::string replaced(std::string_view text, std::size_t (*length_of)(std::string_view),
                     std::string_view kept, char stand_in) {
    std::string plain;
    plain.reserve(text.size());
    while (!text.empty()) {
        const bool keeps = kept.find(text.front()) != std::string_view::npos;
        const auto length = keeps ? 0 : length_of(text);
        plain += length > 0 ? stand_in : text.front();
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return plain;
}

constexpr std::string_view kLayout = "\n\t";

std::string without_spaces_behind(std::string line) {
    line.resize(line.find_last_not_of(' ') + 1);
    return line;
}

/// As JSON writes it (RFC 8259 §7): above U+FFFF as a pair of surrogates.
void add_escape(std::string& json, char32_t point) {
    const auto add = [&](char32_t unit) {
        json += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(unit));
    };
    if (point <= 0xFFFF) return add(point);
    add(0xD800 + ((point - 0x10000) >> 10));
    add(0xDC00 + ((point - 0x10000) & 0x3FF));
}

}  // namespace

std::size_t find_control(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i)
        if (control_length(text.substr(i)) > 0) return i;
    return std::string_view::npos;
}

std::size_t find_unseen(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i)
        if (unseen_length(text.substr(i)) > 0) return i;
    return std::string_view::npos;
}

std::string one_line(std::string_view text) {
    return without_spaces_behind(replaced(text, control_length, "", ' '));
}

std::string plain_lines(std::string_view text) {
    return replaced(text, control_length, kLayout, ' ');
}

std::string visible_lines(std::string_view text) {
    return replaced(to_utf8(text), unseen_length, kLayout, '?');
}

std::string visible_line(std::string_view text) {
    auto line = visible_lines(text);
    for (auto& each : line)
        if (kLayout.find(each) != std::string_view::npos) each = ' ';
    return without_spaces_behind(std::move(line));
}

std::string escape_unseen(std::string_view json) {
    std::string escaped;
    escaped.reserve(json.size());
    while (!json.empty()) {
        // Controls of one byte but DEL are white space between values here.
        const bool plain = static_cast<unsigned char>(json.front()) < 0x7F;
        const auto length = plain ? 0 : unseen_length(json);
        if (length > 0)
            add_escape(escaped, code_point(json));
        else
            escaped += json.front();
        json.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return escaped;
}

char32_t code_point(std::string_view text) {
    const auto length = utf8_length(text);
    const auto lead = static_cast<unsigned char>(text.front());
    if (length <= 1) return length == 0 ? 0xFFFD : lead;
    char32_t point = lead & (0x7FU >> length);
    for (const char byte : text.substr(1, length - 1))
        point = point << 6 | (static_cast<unsigned char>(byte) & 0x3FU);
    return point;
}

std::size_t utf8_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = at(0);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
    if (!std::ranges::all_of(text.substr(1, length - 1), is_utf8_continuation)) return 0;
    const bool overlong = (lead == 0xE0 && at(1) < 0xA0) || (lead == 0xF0 && at(1) < 0x90);
    const bool surrogate = lead == 0xED && at(1) > 0x9F;
    const bool too_large = lead == 0xF4 && at(1) > 0x8F;
    return overlong || surrogate || too_large ? 0 : length;
}

std::string to_utf8(std::string_view text, std::string_view replacement) {
    std::string valid;
    valid.reserve(text.size());
    while (!text.empty()) {
        const auto length = text.front() == '\0' ? 0 : utf8_length(text);
        valid += length == 0 ? replacement : text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return valid;
}

std::string_view head_of(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    while (bytes_max > 0 && is_utf8_continuation(text[bytes_max])) --bytes_max;
    return text.substr(0, bytes_max);
}

std::string_view tail_of(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    text.remove_prefix(text.size() - bytes_max);
    while (!text.empty() && is_utf8_continuation(text.front())) text.remove_prefix(1);
    return text;
}

}  // namespace tidegate
