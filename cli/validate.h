#pragma once
/// `tidegate validate`: is this config repo good, as the daemon would read it.

#include "cli/console.h"

namespace tidegate::cli {

/// `where`: see load_documents. Every error and warning is printed as
/// `file:line:column: error: message`; valid fields that the build does not act on are warnings.
int validate(const Console& console, const std::string& where);

/// One line each; what concerns no file has no place.
void print_findings(const Console& console, Style style, std::string_view word,
                    const std::vector<Error>& findings);
/// Findings in JSON, as the status endpoint shows them: file, line, column, message.
[[nodiscard]] nlohmann::json findings_json(const std::vector<Error>& findings);

}  // namespace tidegate::cli
