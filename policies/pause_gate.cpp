#include "policies/gate.h"

namespace tidegate {

Verdict pause_gate(const GateInput& input, Timestamp) {
    if (!input.assignment.paused || input.restore) return {};
    return Verdict::hold(
        "pause", fmt::format("versions/{}.yaml says paused: true", input.assignment.key.text()));
}

}  // namespace tidegate
