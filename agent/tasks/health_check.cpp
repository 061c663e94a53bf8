#include "agent/tasks/health_check.h"

#include <fmt/core.h>

#include "agent/tasks/probe.h"
#include "agent/tasks/stop_after.h"
#include "schema/base/utf8.h"

namespace tidegate::agent {
namespace {

CheckOutcome failed(std::string error) { return {false, std::move(error), {}}; }

std::string said(const std::string& body) {
    const auto line = one_line(to_utf8(body, "?"));
    return line.empty() ? line : ": " + line;
}

CheckOutcome try_http(const HealthCheck& check, const std::stop_token& stop) {
    const auto answer = http_get(check.url, check.timeout, stop);
    if (!answer) return failed(answer.error().message);
    const auto status = answer->status;
    const bool good = check.expected_status ? status == *check.expected_status
                                            : status / 100 == 2 || status / 100 == 3;
    if (good) return {true, {}, {}};
    return failed(fmt::format(
        "{} answered {}, wanted {}{}", check.url, status,
        check.expected_status ? fmt::format("{}", *check.expected_status) : "2xx or 3xx",
        said(answer->body)));
}

CheckOutcome try_tcp(const HealthCheck& check, const std::stop_token& stop) {
    const auto host = check.host.empty() ? "localhost" : check.host;
    const auto connected = tcp_connect(host, check.port, check.timeout, stop);
    if (!connected) return failed(connected.error().message);
    return {true, {}, {}};
}

}  // namespace

CheckOutcome try_check(const HealthCheck& check, const CheckScript& script,
                       const std::stop_token& stop) {
    switch (check.type) {
        case CheckType::http:
            return try_http(check, stop);
        case CheckType::tcp:
            return try_tcp(check, stop);
        case CheckType::script:
            return script(check.script, check.timeout, stop);
    }
    return failed("unknown check type");
}

CheckOutcome run_check(const HealthCheck& check, const CheckScript& script,
                       const std::stop_token& stop) {
    for (int failures = 0, in_a_row = 0;;) {
        auto outcome = try_check(check, script, stop);
        if (outcome.ok && ++in_a_row >= check.success_threshold) return outcome;
        if (!outcome.ok) {
            in_a_row = 0;
            if (++failures > check.retry) {
                if (failures > 1) outcome.error += fmt::format(" ({} tries failed)", failures);
                return outcome;
            }
        }
        if (!wait_for(check.interval, stop)) return failed("cancelled");
    }
}

}  // namespace tidegate::agent
