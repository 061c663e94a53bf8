#include "reconciler/metrics/render.h"

namespace tidegate::metrics {

std::string render(const StatusSnapshot&, Timestamp) { return {}; }

}  // namespace tidegate::metrics
