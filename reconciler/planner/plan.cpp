#include "reconciler/planner/plan.h"

#include "policies/gate.h"
#include "reconciler/planner/strategy.h"

namespace tidegate::planner {
namespace {

AssignmentPlan plan_one(const Assignment& assignment, const Observed& observed, Timestamp now) {
    AssignmentPlan plan;
    const auto& definition = *assignment.definition;
    plan.key = assignment.key;
    plan.kind = definition.absent ? ReleaseKind::uninstall : ReleaseKind::introduce;
    plan.version = definition.version;
    plan.digest = definition.digest;
    plan.strategy = assignment.strategy.type;
    std::vector<const DesiredTarget*> moving;
    for (const auto& target : assignment.targets) {
        const auto found = observed.find({target.name, assignment.key.project, ""});
        const auto* seen = found == observed.end() ? nullptr : &found->second;
        const auto state = compare({target.digest, target.definition->absent}, seen);
        plan.targets.push_back(
            {target.name, state, seen ? seen->version : "", target.definition->version});
        if (state != TargetState::in_sync) moving.push_back(&target);
    }
    if (moving.empty()) return plan;
    plan.steps = compile(assignment.strategy, moving);
    plan.holds = evaluate_gates(assignment, {plan.kind, false, false, false}, now);
    return plan;
}

}  // namespace

std::vector<AssignmentPlan> plan(const Desired& desired, const Observed& observed, Timestamp now) {
    std::vector<AssignmentPlan> plans;
    for (const auto& [key, assignment] : desired.assignments)
        plans.push_back(plan_one(*assignment, observed, now));
    return plans;
}

}  // namespace tidegate::planner
