#pragma once
/// The page for people at `/`: self-contained HTML without scripts, loaded anew every few seconds
/// by the browser. Everything from outside is escaped. Internal to this folder.

#include <string>

#include "schema/model/snapshot.h"

namespace tidegate::status {

[[nodiscard]] std::string render_page(const StatusSnapshot& snapshot);

/// Content-Security-Policy: nothing but the page's own style, known by its hash.
[[nodiscard]] const std::string& page_security_policy();

/// With `& < > " '` as entities.
[[nodiscard]] std::string escape_html(std::string_view text);

}  // namespace tidegate::status
