#pragma once
/// What is really wrong with text that no YAML parser can read. A parser says where it gave up;
/// that a tab stands there, or a merge was not finished, is what helps. Private to schema/config.

#include <optional>
#include <string>
#include <string_view>

namespace tidegate::config {

struct Trouble {
    int line = 1;
    int column = 1;
    std::string message;
};

/// Why the text cannot be what it should be, before anybody parses it; none = let us see.
[[nodiscard]] std::optional<Trouble> find_pointer(std::string_view text);
/// Why a parser gave up at this line; none = as it says.
[[nodiscard]] std::optional<Trouble> find_trouble(std::string_view text, int line);

/// ` (with U+00A0 in it)` for text with a space that does not look like another character; else
/// nothing.
[[nodiscard]] std::string odd_spaces_in(std::string_view text);

/// What is wrong with the quote that opens at `place`, in this line, inside of a collection that is
/// indented by so many columns (-1: in none). Parsers take the end of the file for that of a quote,
/// and lines that begin the collection's next keys for a part of it (YAML 1.2 §6.3 does not).
/// Empty: nothing, or no quote stands there.
[[nodiscard]] std::string trouble_of_quote(std::string_view text, std::size_t place, int line,
                                           int indent);

/// Whether there is nothing but empty lines, comments and document marks.
[[nodiscard]] bool is_blank_yaml(std::string_view text);

}  // namespace tidegate::config
