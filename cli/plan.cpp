#include "cli/plan.h"

#include <algorithm>

#include "cli/fields.h"
#include "cli/http_client.h"
#include "cli/line_follower.h"
#include "policies/gate.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;
using Assignments = std::map<AssignmentKey, AssignmentPtr>;

AssignmentPtr find(const Assignments& assignments, const AssignmentKey& key) {
    const auto found = assignments.find(key);
    return found == assignments.end() ? nullptr : found->second;
}

/// As if everything that base desires were in place.
planner::Observed installed_as(const Desired& desired) {
    planner::Observed observed;
    for (const auto& [key, assignment] : desired.assignments)
        for (const auto& target : assignment->targets) {
            Installation there;
            there.key = {target.name, key.project, ""};
            there.status =
                target.definition->absent ? InstallStatus::absent : InstallStatus::installed;
            there.version = target.definition->version;
            there.digest = target.digest;
            observed[there.key] = std::move(there);
        }
    return observed;
}

Installation installation_from(const std::string& target, const json& item) {
    Installation there;
    there.key = {target, text_of(item, "project"), ""};
    there.status =
        from_string<InstallStatus>(text_of(item, "status")).value_or(InstallStatus::unknown);
    there.version = text_of(item, "version");
    there.digest = Digest::from_hex(text_of(item, "digest")).value_or(Digest{});
    there.drifted = member(item, "drifted") == true;
    return there;
}

/// What agents last reported for every target of the two states.
Result<planner::Observed> observed_by(const std::string& server, const Desired& desired,
                                      std::vector<std::string>& notes) {
    std::set<std::string> targets;
    for (const auto& [key, assignment] : desired.assignments)
        for (const auto& target : assignment->targets) targets.insert(target.name);
    planner::Observed observed;
    for (const auto& target : targets) {
        const auto status = get_json(
            server, fmt::format("/api/release/targets/{}/status", percent_encoded(target)));
        if (!status && status.error().code == ErrorCode::not_found) {
            notes.push_back(fmt::format("the daemon does not know target {} yet", target));
            continue;
        }
        if (!status) return tl::unexpected(status.error());
        for (const auto& item : list_of(*status, "installations")) {
            auto there = installation_from(target, item);
            observed[there.key] = std::move(there);
        }
    }
    return observed;
}

bool same_targets(const Assignment& left, const Assignment& right) {
    const auto same = [](const DesiredTarget& a, const DesiredTarget& b) {
        return a.name == b.name && a.digest == b.digest && a.agent == b.agent;
    };
    return std::ranges::equal(left.targets, right.targets, same);
}

/// Lines above an error come and go.
bool same_errors(const std::vector<Error>& left, const std::vector<Error>& right) {
    return std::ranges::equal(left, right, {}, &Error::message, &Error::message);
}

bool is_touched(const Assignment& before, const Assignment& after) {
    return before.intent.commit != after.intent.commit ||
           before.definition->digest != after.definition->digest || !same_targets(before, after) ||
           before.paused != after.paused || !same_errors(before.config_errors, after.config_errors);
}

/// The time from which all gates are open, if each says so.
std::optional<Timestamp> start_of(const std::vector<Hold>& holds, Timestamp now) {
    auto start = now;
    for (const auto& hold : holds) {
        if (!hold.until) return std::nullopt;
        start = std::max(start, *hold.until);
    }
    return start;
}

void add_notes(PlannedChange& change, const Assignment* before, const Assignment& after) {
    if (before == nullptr) change.notes.emplace_back("new assignment");
    if (after.paused && (before == nullptr || !before->paused))
        change.notes.emplace_back("paused: nothing more starts until it is resumed");
    if (before != nullptr && before->paused && !after.paused) change.notes.emplace_back("resumed");
    if (before != nullptr && before->retry < after.retry)
        change.notes.emplace_back(
            "retry: it is tried anew; if this version is quarantined, that is lifted");
    if (after.forward_only) change.notes.emplace_back("forward_only: it is never rolled back");
    if (!is_supported(after.strategy.type))
        change.notes.push_back(
            fmt::format("strategy {} is valid, but this build does not act on it",
                        to_string(after.strategy.type)));
    for (const auto& target : after.targets)
        if (target.pinned)
            change.notes.push_back(
                fmt::format("{} is pinned to {}", target.name, target.definition->version));
}

PlannedChange change_of(const planner::AssignmentPlan& planned, const Assignment* before,
                        const Assignment& after, Timestamp now) {
    PlannedChange change;
    change.plan = planned;
    change.from = before != nullptr ? before->definition->version : "";
    const bool same = before != nullptr && before->definition->digest == after.definition->digest;
    if (same && !after.definition->absent) change.plan.kind = ReleaseKind::catch_up;
    auto& holds = change.plan.holds = standing_holds(after, now);
    if (!planned.steps.empty() || !is_supported(after.strategy.type))
        for (auto& hold : evaluate_gates(after, {change.plan.kind, false, false, false}, now))
            if (std::ranges::find(holds, hold) == holds.end()) holds.push_back(std::move(hold));
    change.starts = start_of(holds, now);
    add_notes(change, before, after);
    return change;
}

PlannedChange removal_of(const Assignment& before) {
    PlannedChange change;
    change.plan.key = before.key;
    change.from = before.definition->version;
    change.removed = true;
    change.notes.emplace_back(
        "its version file is removed: what is installed stays, as orphaned; 'state: absent' "
        "uninstalls");
    return change;
}

std::vector<Error> new_ones(std::vector<Error> after, const std::vector<Error>& before) {
    std::erase_if(after, [&](const Error& error) {
        return std::ranges::find(before, error) != before.end();
    });
    return after;
}

std::vector<PlannedChange> changes_between(const Desired& before, const Desired& after,
                                           const planner::Observed& observed, Timestamp now) {
    Desired touched = after;
    std::erase_if(touched.assignments, [&](const auto& item) {
        const auto former = find(before.assignments, item.first);
        return former && !is_touched(*former, *item.second);
    });
    std::vector<PlannedChange> changes;
    for (const auto& planned : planner::plan(touched, observed, now))
        changes.push_back(change_of(planned, find(before.assignments, planned.key).get(),
                                    *touched.assignments.at(planned.key), now));
    for (const auto& [key, assignment] : before.assignments)
        if (!after.assignments.contains(key)) changes.push_back(removal_of(*assignment));
    return changes;
}

}  // namespace

Result<PlanReport> make_plan(const PlanOptions& options, Timestamp now) {
    const auto repository = TRY(git::Repository::open_existing(options.repo));
    PlanReport report;
    report.at = now;
    report.base = TRY(repository.resolve(options.base));
    report.head = TRY(repository.resolve(options.head));
    if (!TRY(repository.is_ancestor(report.base, report.head)))
        report.notes.emplace_back(
            "head does not descend from base: the two trees are compared as they are");
    LineFollower follower{repository};
    CHECK(follower.follow(report.base));
    const auto before = TRY(follower.desired(now));
    const auto warnings = follower.tracker().warnings();
    CHECK(follower.merge(report.head));
    const auto after = TRY(follower.desired(now));
    report.errors = follower.tracker().errors();
    report.warnings = new_ones(follower.tracker().warnings(), warnings);
    for (const auto& part : follower.unread()) report.warnings.push_back(part);
    const auto observed = options.server.empty()
                              ? installed_as(before)
                              : TRY(observed_by(options.server, after, report.notes));
    report.changes = changes_between(before, after, observed, now);
    return report;
}

int plan(const Console& console, const PlanOptions& options, Timestamp now) {
    const auto made = make_plan(options, now);
    if (!made) return report(console, made.error());
    print_plan(console, *made);
    return made->errors.empty() ? kGood : kProblem;
}

}  // namespace tidegate::cli
