#pragma once
/// Health checks. A try has a deadline that also holds against a server which sends a byte
/// now and then; redirects are answers, not followed.

#include <functional>
#include <stop_token>
#include <string>

#include "schema/model/deploy.h"

namespace tidegate::agent {

struct CheckOutcome {
    bool ok = false;
    std::string error;   ///< empty when ok
    std::string output;  ///< of a script, the last try's
    /// Nothing ran, for the host has no room, no process, no way in.
    bool host_trouble = false;
};

/// Runs a check's script body once.
using CheckScript = std::function<CheckOutcome(const std::string& body, Seconds timeout,
                                               const std::stop_token& stop)>;

/// One try. All strings are expanded. Blocks for at most `check.timeout`.
[[nodiscard]] CheckOutcome try_check(const HealthCheck& check, const CheckScript& script,
                                     const std::stop_token& stop);

/// Tries until `success_threshold` successes in a row or more than `retry` failures.
[[nodiscard]] CheckOutcome run_check(const HealthCheck& check, const CheckScript& script,
                                     const std::stop_token& stop);

}  // namespace tidegate::agent
