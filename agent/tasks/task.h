#pragma once
/// One task: its tries, its time-out, what each type does.

#include "agent/tasks/pipeline.h"

namespace tidegate::agent {

/// Never pending or running on return.
[[nodiscard]] TaskResult run_task(const Task& task, TaskHost& host, const std::stop_token& stop,
                                  Side side = Side::own);

/// The host's clock, as it stands in reports.
[[nodiscard]] Timestamp wall_clock();

/// The strategy's check as a task of the stage `verify`.
[[nodiscard]] Task as_task(const HealthCheck& check);

}  // namespace tidegate::agent
