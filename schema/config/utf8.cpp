#include "schema/config/utf8.h"

#include <algorithm>

#include "schema/base/utf8.h"

namespace tidegate::config {

std::optional<BadByte> find_bad_byte(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto length = utf8_length(text.substr(i));
        if (length == 0) return BadByte{i, "the file must be UTF-8"};
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool control = byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
        if (control || byte == 0x7F) return BadByte{i, "control characters are not allowed"};
        i += length;
    }
    return std::nullopt;
}

int count_characters(std::string_view text) {
    return static_cast<int>(
        std::ranges::count_if(text, [](char c) { return !is_utf8_continuation(c); }));
}

}  // namespace tidegate::config
