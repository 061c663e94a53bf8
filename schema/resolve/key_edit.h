#pragma once
/// Changes one top-level key in the text of a YAML document and leaves every other byte as it is:
/// people's comments, order and spelling stay.

#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace tidegate {

/// Else (`{…}`) a key in it is not found, and a person has to edit it.
[[nodiscard]] bool is_one_key_per_line(std::string_view text);

/// The text with `key: value`. A value that stands on one line keeps the comment behind it; a new
/// key comes after the key `version`, or at the end. `value` may be several lines, then beginning
/// with a line feed. invalid: the text is no block map.
[[nodiscard]] Result<std::string> with_key(std::string_view text, std::string_view key,
                                           std::string_view value);
/// The text without the key and its value; the same text where it does not have the key.
[[nodiscard]] std::string without_key(std::string_view text, std::string_view key);
/// The text with the key as `from` writes it, comments and all; without it where `from` is.
/// invalid: one of the two is no block map.
[[nodiscard]] Result<std::string> with_key_of(std::string_view text, std::string_view key,
                                              std::string_view from);
/// The key's value; 0 where there is none, or no number.
[[nodiscard]] int number_at(std::string_view text, std::string_view key);

}  // namespace tidegate
