#include <algorithm>

#include "policies/gate.h"
#include "policies/promote.h"
#include "policies/window.h"

namespace tidegate {
namespace {

/// The commit carries the emergency: what it asks for passes, but not later repairs of it.
bool is_emergency(const GateInput& input, const ReleaseWindow& window) {
    const auto& intent = input.assignment.intent;
    if (intent.emergency_reason.empty() || is_upkeep(input.kind)) return false;
    return std::ranges::any_of(window.emergency_users, [&](const std::string& user) {
        return is_meant(user, intent.author_name, intent.author_email);
    });
}

/// What was admitted while the window was open may end after it closes.
bool is_admitted(const GateInput& input, OnClose on_close) {
    return (on_close == OnClose::finish_release && input.release_admitted) ||
           (on_close == OnClose::finish_step && input.step_admitted);
}

}  // namespace

Verdict window_gate(const GateInput& input, Timestamp now) {
    if (!input.rules.window || input.kind == ReleaseKind::retire) return {};
    const auto& window = *input.rules.window;
    if (input.restore && !input.assignment.rollback.respect_windows) return {};
    if (is_admitted(input, window.on_close)) return {};
    if (is_emergency(input, window)) return {};
    if (!input.rules.zone)
        return Verdict::hold("window", fmt::format("time zone {} is not known", window.timezone));
    auto state = window_state(window, *input.rules.zone, now);
    if (state.open) return {};
    auto verdict = Verdict::hold("window", std::move(state.reason), state.changes);
    if (state.changes)
        verdict.holds.front().until_local = local_text(*input.rules.zone, *state.changes);
    return verdict;
}

}  // namespace tidegate
