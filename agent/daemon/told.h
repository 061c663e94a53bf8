#pragma once
/// What of an action goes up: without the host's secrets, and bounded.

#include <string>
#include <vector>

#include "agent/daemon/host_rules.h"
#include "agent/machine/machine.h"

namespace tidegate::agent {

/// Of one task in the result; the whole output goes up as the action's log.
inline constexpr std::size_t kTaskOutputBytesMax = 4 * 1024;

/// Masks the secrets of agent.yaml; what is no UTF-8 becomes `?`.
void hide_secrets(const HostRules& rules, std::string& text);
/// In all errors, which may quote an expanded string (a check's URL). Outputs are masked where they
/// are read.
void hide_secrets(const HostRules& rules, machine::Finished& finished);

/// All output as text for people, head and tail where it is long; what stays in the result is cut
/// to its tail.
[[nodiscard]] std::string take_log(std::vector<StageResult>& stages);

}  // namespace tidegate::agent
