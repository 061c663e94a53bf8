#pragma once
/// Changes one top-level key in the text of a YAML document and leaves every other byte as it is:
/// people's comments, order and spelling stay. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "schema/base/result.h"
#include "schema/model/documents.h"

namespace tidegate::cli {

/// The text with `key: value`. A value that stands on one line keeps the comment behind it; a new
/// key comes after the key `version`, or at the end. `value` may be several lines, then beginning
/// with a line feed. invalid: the text is no block map (`{…}`), so a person has to edit it.
[[nodiscard]] Result<std::string> with_key(std::string_view text, std::string_view key,
                                           std::string_view value);
/// The text without the key and its value; the same text where it does not have the key.
[[nodiscard]] std::string without_key(std::string_view text, std::string_view key);

/// The value of `pins`, one pin per line, for `with_key`.
[[nodiscard]] std::string pins_text(const std::vector<Pin>& pins);

/// Reads a version file; all its errors in one.
[[nodiscard]] Result<Version> read_version(const std::string& path, std::string_view text);

}  // namespace tidegate::cli
