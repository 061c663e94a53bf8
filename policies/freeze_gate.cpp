#include "policies/gate.h"

namespace tidegate {

Verdict freeze_gate(const GateInput& input, Timestamp now) {
    const auto& freeze = input.rules.freeze;
    if (!freeze.active || input.restore) return {};
    if (freeze.until && now >= *freeze.until) return {};
    auto reason = fmt::format("environment {} is frozen", input.rules.environment);
    if (!freeze.reason.empty()) reason += ": " + freeze.reason;
    return Verdict::hold("freeze", std::move(reason), freeze.until);
}

}  // namespace tidegate
