#pragma once
/// Version files as the verbs that change them read and write them. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "schema/base/result.h"
#include "schema/model/documents.h"
#include "schema/resolve/key_edit.h"

namespace tidegate::cli {

/// The value of `pins`, one pin per line, for `with_key`.
[[nodiscard]] std::string pins_text(const std::vector<Pin>& pins);

/// The value of `promote`.
[[nodiscard]] std::string promote_text(const Promote& promote);

/// Reads a version file; all its errors in one.
[[nodiscard]] Result<Version> read_version(const std::string& path, std::string_view text);

}  // namespace tidegate::cli
