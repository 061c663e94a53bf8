#include "reconciler/engine/blocks.h"
#include "reconciler/engine/departed.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/intake.h"
#include "reconciler/engine/trouble.h"

namespace tidegate::engine {
namespace {

void leave(Turn& turn, const AssignmentKey& key, const Assignment& wish,
           const AssignmentPtr& next) {
    std::map<std::string_view, std::string_view> staying;  // and their agents
    if (next)
        for (const auto& target : next->targets) staying[target.name] = target.agent;
    for (const auto& target : wish.targets) {
        const auto stays = staying.find(target.name);
        turn.state.owners.erase(key_of(key, target.name));
        if (stays == staying.end()) depart(turn.state, key, target.name, target.agent);
        if (stays == staying.end() || stays->second != target.agent)
            clear_trouble(turn, key_of(key, target.name));
        if (const auto served = turn.state.by_agent.find(target.agent);
            served != turn.state.by_agent.end()) {
            served->second.erase(key);
            if (served->second.empty()) turn.state.by_agent.erase(served);
        }
        turn.touch_target(target.name);
    }
}

void enter(Turn& turn, const AssignmentKey& key, AssignmentState& assignment) {
    assignment.target_index.clear();
    if (!assignment.wish) return;
    for (std::size_t i = 0; i < assignment.wish->targets.size(); ++i) {
        const auto& target = assignment.wish->targets[i];
        assignment.target_index.emplace(target.name, i);
        turn.state.owners[key_of(key, target.name)] = key;
        arrive(turn, key_of(key, target.name));
        turn.state.by_agent[target.agent][key].insert(target.name);
        turn.touch_target(target.name);
    }
}

/// A person's new intent is a new try.
void end_back_offs(Turn& turn, const AssignmentKey& key, const Assignment& wish) {
    for (const auto& target : wish.targets) {
        for (const auto& block : block_keys(key, target.name)) turn.erase_block(block);
        end_wait(turn, key_of(key, target.name));
    }
}

/// Only a person lifts a quarantine: by a commit that makes the digest enter anew, or by raising
/// `retry` (design, 4.11).
void lift_quarantine(Turn& turn, const AssignmentKey& key, const Assignment& wish) {
    const auto* quarantine = quarantine_of(turn.state, key, wish.definition->digest);
    if (!quarantine) return;
    const bool entered_anew =
        wish.intent.digest_commit != quarantine->digest_commit && !wish.intent.by_daemon;
    if (!entered_anew && wish.retry <= quarantine->retry) return;
    turn.audit(
        "quarantine.lifted", key.text(), wish.intent.commit,
        json_object({{"digest", quarantine->digest.hex()}, {"version", quarantine->version}}),
        wish.intent.author_email);
    turn.erase_quarantine(key, wish.definition->digest);
}

void replace_wish(Turn& turn, const AssignmentKey& key, AssignmentPtr wish) {
    auto& assignment = turn.state.assignments[key];
    if (assignment.wish == wish) return;
    if (assignment.wish) {
        leave(turn, key, *assignment.wish, wish);
        assignment.definitions[assignment.wish->definition->digest] = assignment.wish->definition;
        if (wish && wish->intent.commit != assignment.wish->intent.commit)
            end_back_offs(turn, key, *assignment.wish);
        assignment.former = assignment.wish;
    }
    assignment.wish = std::move(wish);
    assignment.targets_changed = true;
    turn.touch(key);
}

}  // namespace

void take(Turn& turn, const ConfigChanged& event) {
    auto& state = turn.state;
    const auto former = std::exchange(state.desired, event.desired);
    if (former)
        for (const auto& [key, wish] : former->assignments)
            if (!event.desired->assignments.contains(key)) replace_wish(turn, key, nullptr);
    for (const auto& [key, wish] : event.desired->assignments) replace_wish(turn, key, wish);
    // After a restart: what was under way may have left Git meanwhile.
    if (!former)
        for (const auto& [key, assignment] : state.assignments) turn.touch(key);
    // All have left before any enters: a target may have moved between environments.
    for (const auto& key : turn.touched()) {
        auto& assignment = state.assignments[key];
        enter(turn, key, assignment);
        if (assignment.wish) lift_quarantine(turn, key, *assignment.wish);
    }
    // What could not be built on the former tip may be built on this one.
    for (auto& [id, job] : state.reverts)
        if (job.inquiry.id == 0) job.inquiry.again_at = turn.lived;
    turn.pass_revert_on();
}

void take(Turn& turn, const GitHeld& event) {
    const auto reason =
        event.held ? fmt::format("the tip {} is held: {}", event.tip.substr(0, 12), event.reason)
                   : std::string();
    if (reason == turn.state.git_hold) return;
    turn.state.git_hold = reason;
    for (const auto& [key, assignment] : turn.state.assignments) turn.touch(key);
}

}  // namespace tidegate::engine
