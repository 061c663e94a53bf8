#include "schema/config/utf8.h"

#include <algorithm>

namespace tidegate::config {
namespace {

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

/// Length of the character at the front of `rest`; 0 if it is malformed.
std::size_t character_length(std::string_view rest) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
    const unsigned char lead = at(0);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || rest.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if (!is_continuation(at(i))) return 0;
    const bool overlong = (lead == 0xE0 && at(1) < 0xA0) || (lead == 0xF0 && at(1) < 0x90);
    const bool surrogate = lead == 0xED && at(1) > 0x9F;
    const bool too_large = lead == 0xF4 && at(1) > 0x8F;
    return overlong || surrogate || too_large ? 0 : length;
}

}  // namespace

std::optional<BadByte> find_bad_byte(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto length = character_length(text.substr(i));
        if (length == 0) return BadByte{i, "the file must be UTF-8"};
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool control = byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
        if (control || byte == 0x7F) return BadByte{i, "control characters are not allowed"};
        i += length;
    }
    return std::nullopt;
}

int count_characters(std::string_view text) {
    return static_cast<int>(std::ranges::count_if(
        text, [](char c) { return !is_continuation(static_cast<unsigned char>(c)); }));
}

}  // namespace tidegate::config
