#pragma once
/// The text of GET /metrics (Prometheus text format 0.0.4). docs/metrics.md explains every name;
/// a test keeps the two in step. Labels come from the config repo, never from the network.

#include <string>

#include "schema/model/snapshot.h"

namespace tidegate::metrics {

/// `now` is only for ages, such as that of the last poll.
[[nodiscard]] std::string render(const StatusSnapshot& snapshot, Timestamp now);

}  // namespace tidegate::metrics
