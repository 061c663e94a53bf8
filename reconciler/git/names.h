#pragma once
/// Whom a commit can be by, and what a branch can be called.

#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace tidegate::git {

/// A name or a mail address as Git writes it into a commit: without the spaces and the marks
/// `.,:;"'\` around it. invalid: nothing is left of it, or it has `<`, `>` or a control character,
/// so that no commit could be by it. Pure.
[[nodiscard]] Result<std::string> written_word(std::string_view text);

/// Whether git-check-ref-format(1) lets a branch have this name. Pure.
[[nodiscard]] bool is_branch_name(std::string_view name);

}  // namespace tidegate::git
