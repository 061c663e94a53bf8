#pragma once
/// `agent.yaml`: what the host's owner allows and adds. The owner has the last word: whatever the
/// daemon asks for beyond it is refused. Without a file every driver and project is allowed, below
/// the work dirs that the repo names, as the agent's own user.

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/routers/haproxy.h"
#include "schema/base/limits.h"
#include "schema/base/result.h"

namespace tidegate::agent {

struct HostVariable {
    std::string value;
    bool secret = false;  ///< masked in all output

    friend bool operator==(const HostVariable&, const HostVariable&) = default;
};

struct AgentConfig {
    std::string run_as;  ///< user for scripts; empty = the agent's own
    bool allow_root = false;
    bool allow_sudo = true;          ///< false: scripts cannot gain rights by what they execute
    std::set<std::string> drivers;   ///< deploy types; empty = any
    std::set<std::string> projects;  ///< empty = any
    std::set<std::string> targets;   ///< empty = any
    std::vector<std::string> work_dirs;
    /// The last level of variables: wins over the repo's.
    std::map<std::string, HostVariable> variables;
    std::size_t output_bytes_max = limits::kOutputBytesDefault;
    RouterRules routers;  ///< nothing that is not listed

    friend bool operator==(const AgentConfig&, const AgentConfig&) = default;
};

/// Strict: an unknown or repeated key or a wrong type is an error with file:line:column.
/// A variable is `NAME: text` or `NAME: {type: secret, value: text}`. docs/agent.md has all.
[[nodiscard]] Result<AgentConfig> parse_agent_config(const std::string& text,
                                                     const std::string& file);
[[nodiscard]] Result<AgentConfig> read_agent_config(const std::string& file);
/// What it may hold, sorted.
[[nodiscard]] std::vector<std::string> agent_config_keys();

/// What is wrong with the file though it can be used: secrets that everybody can read. Empty: none.
[[nodiscard]] std::string agent_config_warning(const AgentConfig& config, const std::string& file);

}  // namespace tidegate::agent
