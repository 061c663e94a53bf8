#include "schema/wire/names.h"

#include <algorithm>
#include <cstdint>

#include "schema/base/limits.h"

namespace tidegate::wire {
namespace {

constexpr std::size_t kIdBytesMax = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_mark(char c) { return c == '.' || c == '_' || c == '-'; }

std::uint8_t byte(char c) { return static_cast<std::uint8_t>(c); }

/// The bytes of the well-formed sequence that `text` starts with; 0 if it does not (RFC 3629 §4).
std::size_t sequence_length(std::string_view text) {
    const auto first = byte(text[0]);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                               : first >= 0xe0 && first <= 0xef ? 3
                               : first >= 0xf0 && first <= 0xf4 ? 4
                                                                : 0;
    if (length == 0 || text.size() < length) return 0;
    const auto continues = [](char c) { return (byte(c) & 0xc0) == 0x80; };
    if (!std::ranges::all_of(text.substr(1, length - 1), continues)) return 0;
    const auto second = byte(text[1]);
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool surrogate = first == 0xed && second > 0x9f;
    const bool too_high = first == 0xf4 && second > 0x8f;
    return overlong || surrogate || too_high ? 0 : length;
}

}  // namespace

bool is_object_name(std::string_view text) {
    if (text.empty() || text.size() > limits::kNameBytesMax || is_mark(text[0])) return false;
    return std::ranges::all_of(text,
                               [](char c) { return is_digit(c) || is_lower(c) || is_mark(c); });
}

bool is_id(std::string_view text) {
    if (text.empty() || text.size() > kIdBytesMax || is_mark(text[0])) return false;
    return std::ranges::all_of(
        text, [](char c) { return is_digit(c) || is_lower(c) || is_upper(c) || is_mark(c); });
}

std::string to_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto length = sequence_length(text);
        out += length == 0 ? std::string_view{"\xef\xbf\xbd"} : text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

}  // namespace tidegate::wire
