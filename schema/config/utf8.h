#pragma once
/// Checks of text bytes, before a parser sees them. Private to schema/config.

#include <cstddef>
#include <optional>
#include <string_view>

namespace tidegate::config {

/// A byte that may not stand in a text file, by its offset and in words.
struct BadByte {
    std::size_t offset = 0;
    const char* message = "";
};

/// The first byte that is not part of well-formed UTF-8 (Unicode 15, table 3-7) or is a control
/// character other than tab and line ends (YAML 1.2 §5.1).
[[nodiscard]] std::optional<BadByte> find_bad_byte(std::string_view text);

/// Characters (code points) in well-formed UTF-8.
[[nodiscard]] int count_characters(std::string_view text);

}  // namespace tidegate::config
