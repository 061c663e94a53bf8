#pragma once
/// Whether HAProxy will know the weights again after a reload: its configuration has to load the
/// file that `show servers state` is written to. The runtime API does not say so; the files that
/// the process was started with do, where they can be read.

#include <string>
#include <string_view>

#include "agent/routers/haproxy.h"
#include "schema/base/enum_names.h"

namespace tidegate::agent {

enum class StateUse { loaded, not_loaded, unknown };
constexpr auto enum_names(StateUse) { return std::array{"loaded"sv, "not_loaded"sv, "unknown"sv}; }

struct StateFinding {
    StateUse use = StateUse::unknown;
    std::string words;  ///< for people: what is missing, or what could not be told

    friend bool operator==(const StateFinding&, const StateFinding&) = default;
};

/// Asks the process behind the socket for its number and reads its configuration. Blocks.
[[nodiscard]] StateFinding find_state_use(const HaproxyBackend& backend);

/// By the text of all its configuration files, in their order (configuration manual, 4.2:
/// `load-server-state-from-file`).
[[nodiscard]] StateFinding state_use_in(std::string_view configuration,
                                        const HaproxyBackend& backend);

}  // namespace tidegate::agent
