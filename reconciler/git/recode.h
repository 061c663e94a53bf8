#pragma once
/// Private to this folder: text of commits in the encoding that they name (git-commit(1),
/// i18n.commitEncoding), as UTF-8.

#include <string>
#include <string_view>

namespace tidegate::git {

/// `encoding`: of the commit's header; null: UTF-8. What cannot be converted, or is of an encoding
/// that is not known here, is taken as UTF-8 with malformed bytes replaced.
[[nodiscard]] std::string recoded(std::string_view text, const char* encoding);

}  // namespace tidegate::git
