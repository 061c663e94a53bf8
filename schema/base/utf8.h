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
/// That character; U+FFFD if it is malformed.
[[nodiscard]] char32_t code_point(std::string_view text);

/// The same text with every malformed byte, and every zero byte, replaced.
[[nodiscard]] std::string to_utf8(std::string_view text,
                                  std::string_view replacement = "\xEF\xBF\xBD");  // U+FFFD

/// Where the first control character is: what ends a line, hides text or moves a cursor (C0, DEL,
/// C1, and U+2028 and U+2029, which end lines too). npos = there is none. `text` is valid UTF-8.
[[nodiscard]] std::size_t find_control(std::string_view text);
/// Where the first character is that nobody sees: a control, one without width, or one that turns
/// the order of what is read (Unicode TR 36 §2.5). npos = there is none. `text` is valid UTF-8.
[[nodiscard]] std::size_t find_unseen(std::string_view text);
/// Text of others as one line: a space for each control character, and none at the end.
[[nodiscard]] std::string one_line(std::string_view text);
/// Text of others as lines: without control characters but line ends and tabs.
[[nodiscard]] std::string plain_lines(std::string_view text);

/// Text of others as people are shown it, in a log, on a terminal or a page: one valid line, with a
/// space for each line end and tab, none at the end, and a `?` for every other character that
/// nobody sees (`find_unseen`). What is kept, or compared, goes through `one_line`, which leaves
/// names as they are written.
[[nodiscard]] std::string visible_line(std::string_view text);
/// The same with its line ends and tabs.
[[nodiscard]] std::string visible_lines(std::string_view text);

/// JSON as it was printed, with an escape for each character that nobody sees and JSON may hold as
/// it is: the same values to whoever parses it, and harmless where a person looks at it.
[[nodiscard]] std::string escape_unseen(std::string_view json);

/// The first, or the last, `bytes_max` bytes, less those of a character that was cut.
[[nodiscard]] std::string_view head_of(std::string_view text, std::size_t bytes_max);
[[nodiscard]] std::string_view tail_of(std::string_view text, std::size_t bytes_max);

}  // namespace tidegate
