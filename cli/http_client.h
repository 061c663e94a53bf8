#pragma once
/// Reads the daemon's status endpoint. Blocks.

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "schema/base/result.h"

namespace tidegate::cli {

/// Errors: unavailable (nobody answers, 5xx), not_found (404), invalid (another answer).
[[nodiscard]] Result<std::string> get_text(const std::string& server, const std::string& path);
/// The same, and `invalid` for what is no JSON.
[[nodiscard]] Result<nlohmann::json> get_json(const std::string& server, const std::string& path);
/// All pages of a list. `path` may have a query.
[[nodiscard]] Result<nlohmann::json> get_items(const std::string& server, const std::string& path);
/// Follows a stream of Server-Sent Events (WHATWG HTML §9.2) until `on_event` says false.
/// Errors: unavailable (it never began, broke off, or the server ended it).
[[nodiscard]] Result<void> follow_events(
    const std::string& server, const std::string& path,
    const std::function<bool(const std::string& name, const nlohmann::json& data)>& on_event);

/// A name as one segment of a path or a value of a query (RFC 3986 §2.1).
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace tidegate::cli
