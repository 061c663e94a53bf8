#pragma once
/// Looks at what stands on the target: after a deploy, and now and then. They change nothing.

#include <stop_token>

#include "agent/drivers/driver.h"
#include "agent/tasks/pipeline.h"

namespace tidegate::agent {

/// Asks probe_script (if there is one) after a pipeline that went well, and adds the answer to its
/// report as the last task of the stage `verify`. Only `old` fails the report, and only if a second
/// look says so too: a service may just be starting. A health check is no such proof, for what
/// answers it may still be the old process.
void ask_probe(Driver& driver, bool has_probe, PipelineReport& report, const std::stop_token& stop);

}  // namespace tidegate::agent
