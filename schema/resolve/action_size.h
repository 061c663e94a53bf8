#pragma once
/// How much of a frame an action takes at most, before there is one: what validate lets pass can be
/// sent.

#include <cstddef>
#include <string>

#include "schema/model/agent.h"
#include "schema/model/assignment.h"

namespace tidegate {

/// At most the bytes of an action that installs this definition on any target, without what the
/// target adds; with room for what only the release knows. Linear in the definition, allocates
/// nothing.
[[nodiscard]] std::size_t action_bytes(const Definition& definition);
/// The same of an action as it is.
[[nodiscard]] std::size_t action_bytes(const Action& action);
/// What a target adds to it: its variables, labels and work_dir.
[[nodiscard]] std::size_t action_bytes(const DesiredTarget& target);

}  // namespace tidegate
