#pragma once
/// `tidegate explain`: why an assignment is as it is, and how to get back.

#include "cli/console.h"

namespace tidegate::cli {

struct ExplainOptions {
    std::string server;
    std::string project;
    std::string environment;
};
/// Every hold with its gate, reason and end; targets; the release's steps; last good; the config
/// errors that keep newer commits out.
int explain(const Console& console, const ExplainOptions& options);

[[nodiscard]] Style style_of_sync(std::string_view sync);
[[nodiscard]] Style style_of_release(std::string_view status);
/// `blue 75 %, green 25 %` of the member `weights`; empty: it has none.
[[nodiscard]] std::string weights_text(const nlohmann::json& side);
/// `file:line:column: message` of a finding as the status endpoint shows it.
[[nodiscard]] std::string finding_line(const nlohmann::json& finding);

}  // namespace tidegate::cli
