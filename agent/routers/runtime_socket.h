#pragma once
/// HAProxy's runtime API (management guide, section 9.3): commands on a unix socket, one line per
/// connection, the answer ends where the connection does.

#include <string>
#include <string_view>

#include "schema/base/result.h"
#include "schema/base/time.h"

namespace tidegate::agent {

/// The answer to a line, or to several commands joined by `;`. Blocks for at most `timeout`; any
/// thread. `unavailable`: nobody listens there, or not for us; `timeout`; `exhausted`: the answer
/// is longer than anybody reads. The line reaches an admin socket: it must have no line end.
[[nodiscard]] Result<std::string> ask_runtime(const std::string& socket, std::string_view line,
                                              Milliseconds timeout);

}  // namespace tidegate::agent
