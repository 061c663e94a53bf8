#pragma once
/// What is really wrong with text that no YAML parser can read. A parser says where it gave up; that
/// a tab stands there, or a merge was not finished, is what helps. Private to schema/config.

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

/// Whether there is nothing but empty lines, comments and document marks.
[[nodiscard]] bool is_blank_yaml(std::string_view text);

}  // namespace tidegate::config
