#include "policies/gate.h"

namespace tidegate {

Verdict unsupported_gate(const GateInput& input, Timestamp) {
    if (input.restore) return {};
    Verdict verdict;
    for (const auto& what : input.rules.unsupported)
        verdict.holds.push_back({"unsupported", what, {}});
    return verdict;
}

}  // namespace tidegate
