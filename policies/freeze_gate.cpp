#include "policies/gate.h"
#include "policies/window.h"

namespace tidegate {

Verdict freeze_gate(const GateInput& input, Timestamp now) {
    const auto& freeze = input.rules.freeze;
    if (!freeze.active || input.restore) return {};
    if (freeze.until && now >= *freeze.until) return {};
    auto reason = fmt::format("environment {} is frozen", input.rules.environment);
    if (!freeze.reason.empty()) reason += ": " + freeze.reason;
    auto verdict = Verdict::hold("freeze", std::move(reason), freeze.until);
    // On the clock that people of this environment plan by, as its windows are shown.
    if (freeze.until && input.rules.zone)
        verdict.holds.front().until_local = local_text(*input.rules.zone, *freeze.until);
    return verdict;
}

}  // namespace tidegate
