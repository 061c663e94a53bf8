#pragma once
/// Text from outside, cut and cleaned without breaking a character (UTF-8: RFC 3629, section 4).

#include <cstddef>
#include <string>
#include <string_view>

namespace tidegate {

/// A byte that continues a character; every other one begins a character.
[[nodiscard]] constexpr bool is_utf8_continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// Bytes of the character at the front of `text`, which is not empty; 0 if it is malformed.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

/// The same text with every malformed byte, and every zero byte, replaced.
[[nodiscard]] std::string to_utf8(std::string_view text,
                                  std::string_view replacement = "\xEF\xBF\xBD");  // U+FFFD

/// The first, or the last, `bytes_max` bytes, less those of a character that was cut.
[[nodiscard]] std::string_view head_of(std::string_view text, std::size_t bytes_max);
[[nodiscard]] std::string_view tail_of(std::string_view text, std::size_t bytes_max);

}  // namespace tidegate
