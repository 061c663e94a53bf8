#pragma once
/// Looks at what stands on the target: after a deploy, and now and then. They change nothing.

#include <stop_token>
#include <string>

#include "agent/drivers/driver.h"
#include "agent/tasks/pipeline.h"

namespace tidegate::agent {

/// As it should be (empty reason), drifted and why, or: nobody can tell and why not.
struct Look {
    bool drifted = false;
    std::string reason;

    [[nodiscard]] bool fine() const { return !drifted && reason.empty(); }
};

/// Whether the folder is there, the probe (if there is one) says new and the service is up. What is
/// seen once only is not believed. Asking that fails by itself is no drift: a service.status that
/// cannot be run (126, 127), is killed or does not end, a probe that says neither new nor old.
[[nodiscard]] Look look_for_drift(Driver& driver, bool has_probe, const std::stop_token& stop);

/// Asks probe_script (if there is one) after a pipeline that went well, and adds the answer to its
/// report as the last task of the stage `verify`. Only `old` fails the report, and only if a second
/// look says so too: a service may just be starting. A health check is no such proof, for what
/// answers it may still be the old process. Stopped before there is an answer, the report is
/// cancelled, without that task.
void ask_probe(Driver& driver, bool has_probe, PipelineReport& report, const std::stop_token& stop);

}  // namespace tidegate::agent
