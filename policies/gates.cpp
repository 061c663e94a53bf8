#include <algorithm>
#include <array>

#include "policies/gate.h"

namespace tidegate {
namespace {

constexpr std::array<Gate, 4> kGates{pause_gate, freeze_gate, unsupported_gate, window_gate};

std::vector<const Rules*> rule_sets(const Assignment& assignment, ReleaseKind kind) {
    std::vector<const Rules*> sets{&assignment.rules};
    if (is_upkeep(kind)) return sets;
    for (const auto& rules : assignment.anchor_rules) sets.push_back(rules.get());
    return sets;
}

/// Says which rules speak, where they are not the ones everybody sees.
Hold of_anchor(Hold hold, const Rules& anchor, const std::string& environment) {
    hold.reason += fmt::format(
        " (by the rules {}at {}, before the change; raise retry to be judged "
        "by newer ones)",
        anchor.environment == environment ? "" : "of " + anchor.environment + " ",
        anchor.commit.substr(0, 12));
    return hold;
}

}  // namespace

std::span<const Gate> all_gates() { return kGates; }

std::vector<Hold> evaluate_gates(const Assignment& assignment, const GateQuestion& question,
                                 Timestamp now) {
    std::vector<Hold> holds;
    for (const auto* rules : rule_sets(assignment, question.kind)) {
        const GateInput input{assignment,
                              *rules,
                              question.kind,
                              question.restore,
                              question.release_admitted,
                              question.step_admitted};
        const bool is_anchor = rules != &assignment.rules;
        for (const auto gate : kGates)
            for (auto& hold : gate(input, now).holds)
                if (std::ranges::find(holds, hold) == holds.end())
                    holds.push_back(
                        is_anchor && hold.gate != "pause"
                            ? of_anchor(std::move(hold), *rules, assignment.key.environment)
                            : std::move(hold));
    }
    std::ranges::stable_sort(holds, {}, &Hold::gate);
    const auto repeated = std::ranges::unique(holds);
    holds.erase(repeated.begin(), repeated.end());
    return holds;
}

std::vector<Hold> standing_holds(const Assignment& assignment, Timestamp now) {
    std::vector<Hold> holds;
    for (const auto& error : assignment.config_errors)
        holds.push_back({"config", error.text(), {}});
    const GateInput input{assignment, assignment.rules};
    for (const auto gate : {pause_gate, freeze_gate})
        for (auto& hold : gate(input, now).holds) holds.push_back(std::move(hold));
    return holds;
}

}  // namespace tidegate
