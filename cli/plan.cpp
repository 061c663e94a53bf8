#include "cli/plan.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "cli/line_follower.h"
#include "cli/plan_state.h"
#include "policies/gate.h"
#include "schema/base/limits.h"
#include "schema/base/nearest.h"

namespace tidegate::cli {
namespace {

using Assignments = std::map<AssignmentKey, AssignmentPtr>;

std::vector<std::string> notes_of(const Assignment* before, const Assignment* after) {
    std::vector<std::string> notes;
    if (!after) {
        notes.emplace_back(
            "its version file is removed: what is installed stays, as orphaned; 'state: absent' "
            "uninstalls");
        return notes;
    }
    if (!before) notes.emplace_back("new assignment");
    if (after->paused && (!before || !before->paused))
        notes.emplace_back("paused: nothing more starts until it is resumed");
    if (before && before->paused && !after->paused) notes.emplace_back("resumed");
    if (before && before->retry < after->retry)
        notes.emplace_back(
            "retry: it is tried anew; if this version is quarantined, that is lifted");
    if (after->forward_only) notes.emplace_back("forward_only: it is never rolled back");
    for (const auto& target : after->targets)
        if (target.pinned)
            notes.push_back(
                fmt::format("{} is pinned to {}", target.name, target.definition->version));
    return notes;
}

/// What is installed where, and when the plan begins.
using Seen = std::map<InstallKey, const Installation*>;

Seen seen_by(const std::vector<forecast::AgentNow>& agents) {
    Seen seen;
    for (const auto& agent : agents)
        for (const auto& there : agent.installations) seen[there.key] = &there;
    return seen;
}

/// Where what is live stands; empty: it has no slots.
std::string live_slot(const forecast::Start& start, const AssignmentKey& key) {
    const auto found = std::ranges::find(start.sides, key, &Sides::key);
    return found == start.sides.end() ? "" : found->live;
}

std::vector<PlannedTarget> targets_of(const Assignment* after, const Seen& seen,
                                      const std::string& slot) {
    std::vector<PlannedTarget> targets;
    if (!after) return targets;
    for (const auto& target : after->targets) {
        const auto found = seen.find({target.name, after->key.project, slot});
        const auto* there = found == seen.end() ? nullptr : found->second;
        targets.push_back({target.name,
                           planner::compare({target.digest, target.definition->absent}, there),
                           there ? there->version : "", target.definition->version});
    }
    return targets;
}

std::vector<Error> new_ones(std::vector<Error> after, const std::vector<Error>& before) {
    std::erase_if(after, [&](const Error& error) {
        return std::ranges::find(before, error) != before.end();
    });
    return after;
}

/// So much work of this process, and no more.
forecast::GoOn within(std::chrono::milliseconds budget) {
    const auto begin = std::clock();
    return [begin, budget] {
        const auto used = 1'000.0 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
        return used < static_cast<double>(budget.count());
    };
}

Result<forecast::Failure> failure_of(const std::string& text, const forecast::Start& start) {
    forecast::Failure failure{text.substr(0, text.find('@')), {}};
    if (const auto at = text.find('@'); at != std::string::npos) {
        const auto number = text.substr(at + 1);
        int step = 0;
        const auto* end = number.data() + number.size();
        if (number.empty() || std::from_chars(number.data(), end, step).ptr != end || step < 0)
            return fail(ErrorCode::invalid, "--fail takes TARGET or TARGET@STEP, got '{}'", text);
        failure.step = step;
    }
    std::set<std::string> known;
    for (const auto* desired : {start.base.get(), start.head.get()})
        for (const auto& [key, assignment] : desired->assignments) {
            for (const auto& target : assignment->targets) known.insert(target.name);
            for (const auto& [router, agent] : assignment->routers) known.insert(router);
        }
    if (!known.contains(failure.target))
        return fail(
            ErrorCode::not_found, "there is no target '{}'{}", failure.target,
            did_you_mean(failure.target, std::vector<std::string>{known.begin(), known.end()}));
    return failure;
}

/// Reads the two states of the line, and what is said of them.
class Planner {
public:
    Planner(const git::Repository& repository, const PlanOptions& options, Timestamp now)
        : repository_{repository}, options_{options}, follower_{repository} {
        report_.at = start_.now = now;
        report_.failures = options.fails;
    }

    Result<PlanReport> run() {
        CHECK(resolve());
        CHECK(read_states());
        const auto files = TRY(changed_keys(repository_, report_.base, report_.head));
        report_.files = files.size();
        if (files.empty()) return std::move(report_);
        if (options_.server.empty())
            forecast::make_healthy(start_, TRY(installed_at(repository_, start_, report_.notes)));
        else
            CHECK(ask_state(options_.server, start_, report_.notes, report_.learnt));
        for (const auto& text : options_.fails)
            start_.failures.push_back(TRY(failure_of(text, start_)));
        take(forecast::foretell(start_, {answers(), within(limits::kForecastCpu)}), files);
        return std::move(report_);
    }

private:
    Result<void> resolve() {
        report_.head = TRY(repository_.resolve(options_.head));
        report_.base = options_.base.empty() ? TRY(repository_.before(report_.head))
                                             : TRY(repository_.resolve(options_.base));
        if (!report_.base.empty() && !TRY(repository_.is_ancestor(report_.base, report_.head)))
            report_.notes.emplace_back(
                "head does not descend from base: the two trees are compared as they are");
        return {};
    }

    Result<void> read_states() {
        std::vector<Error> warnings;
        if (report_.base.empty()) {
            start_.base = std::make_shared<const Desired>();
            CHECK(follower_.follow(report_.head));
        } else {
            CHECK(follower_.follow(report_.base));
            start_.base = std::make_shared<const Desired>(TRY(follower_.desired(start_.now)));
            warnings = follower_.tracker().warnings();
            CHECK(follower_.merge(report_.head));
        }
        start_.head = std::make_shared<const Desired>(TRY(follower_.desired(start_.now)));
        report_.errors = follower_.tracker().errors();
        report_.warnings = new_ones(follower_.tracker().warnings(), warnings);
        for (const auto& part : follower_.unread()) report_.warnings.push_back(part);
        return {};
    }

    /// Agents of the model carry no other last good than the one that they are told.
    forecast::Answers answers() {
        return [this](const engine::Question& question) -> Result<engine::Answer> {
            if (const auto* load = std::get_if<engine::LoadDefinition>(&question))
                return engine::Answer{TRY(follower_.definition(load->key, load->commit))};
            return engine::Answer{std::optional<LastGood>{}};
        };
    }

    void take(forecast::Forecast forecast, const std::vector<ChangedFile>& files) {
        const auto seen = seen_by(start_.agents);
        for (auto& timeline : forecast.timelines) {
            const auto* before = timeline.before.get();
            const auto* after = timeline.after.get();
            const auto slot = live_slot(start_, timeline.key);
            report_.changes.push_back({std::move(timeline), causes_of(files, before, after),
                                       targets_of(after, seen, slot), notes_of(before, after)});
        }
        report_.cut = forecast.cut;
        report_.cut_at = forecast.cut_at;
    }

    const git::Repository& repository_;
    const PlanOptions& options_;
    LineFollower follower_;
    forecast::Start start_;
    PlanReport report_;
};

}  // namespace

Result<PlanReport> make_plan(const PlanOptions& options, Timestamp now) {
    const auto repository = TRY(git::Repository::open_existing(options.repo));
    return Planner{repository, options, now}.run();
}

namespace {

bool ends_badly(const PlannedChange& change) {
    return std::ranges::any_of(change.timeline.releases, [](const auto& each) {
        return each.release.status == ReleaseStatus::failed ||
               each.release.status == ReleaseStatus::rollback;
    });
}

int show(const Console& console, const PlanOptions& options, Timestamp now, bool simulated) {
    auto made = make_plan(options, now);
    if (!made) return report(console, made.error());
    made->simulated = simulated;
    if (!made->failures.empty() && std::ranges::none_of(made->changes, ends_badly))
        made->notes.emplace_back("nothing fails: no release moves or watches that target there");
    print_plan(console, *made);
    return made->errors.empty() ? kGood : kProblem;
}

}  // namespace

int plan(const Console& console, const PlanOptions& options, Timestamp now) {
    return show(console, options, now, false);
}

int simulate(const Console& console, const PlanOptions& options, Timestamp now) {
    return show(console, options, now, true);
}

void print_plan(const Console& console, const PlanReport& report) {
    if (console.format == Format::json) return print_plan_json(console, report);
    if (console.format == Format::markdown) return print_plan_markdown(console, report);
    print_plan_text(console, report);
}

}  // namespace tidegate::cli
