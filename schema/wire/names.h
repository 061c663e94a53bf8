#pragma once
/// Texts from the wire that end up in file names, keys and URLs, and so must be harmless.

#include <string_view>

namespace tidegate::wire {

/// `[a-z0-9][a-z0-9._-]{0,62}`: agents, targets, projects, environments, slots.
[[nodiscard]] bool is_object_name(std::string_view text);
/// `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`: ids of actions and releases, boot ids.
[[nodiscard]] bool is_id(std::string_view text);

}  // namespace tidegate::wire
