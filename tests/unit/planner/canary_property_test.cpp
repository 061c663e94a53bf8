/// How a canary becomes steps: random ones beside a simple model.

#include <numeric>
#include <random>

#include "tests/unit/planner/hosts.h"

namespace tidegate::planner {
namespace {

/// What a person with a pencil does: entry by entry, how many may have it, and who comes next.
/// Knows nothing of steps.
std::vector<std::vector<std::string>> moved_by_entry(const Strategy& strategy, const Fleet& fleet) {
    std::vector<std::vector<std::string>> moved(strategy.steps.size());
    int have = static_cast<int>(fleet.there.size());
    std::size_t next = 0;
    for (std::size_t i = 0; i < strategy.steps.size(); ++i) {
        const double part = *strategy.steps[i].percent / 100.0;
        int may = std::max(1, static_cast<int>(fleet.total * part + 1e-9));
        if (part < 1 && fleet.total > 1) may = std::min(may, std::max(1, fleet.online - 1));
        for (; have < may && next < fleet.moving.size(); ++have)
            moved[i].push_back(fleet.moving[next++]->name);
    }
    return moved;
}

std::vector<std::vector<std::string>> deployed_by_entry(const std::vector<Step>& steps,
                                                        std::size_t entries) {
    std::vector<std::vector<std::string>> moved(entries);
    for (const auto& step : steps)
        if (const auto* work = deploy_of(step)) {
            auto& names = moved.at(static_cast<std::size_t>(step.entry) - 1);
            names.insert(names.end(), work->targets.begin(), work->targets.end());
        }
    return moved;
}

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_{seed} {}
    int between(int from, int to) {  // the library's distributions differ from system to system
        return from + static_cast<int>(engine_() % static_cast<std::uint64_t>(to - from + 1));
    }
    std::set<int> some_of(int total) {
        std::set<int> some;
        const int chance = between(0, 4);
        for (int i = 0; i < total; ++i)
            if (between(0, 9) < chance) some.insert(i);
        return some;
    }
    /// Rising, the last one 100.
    std::vector<CanaryStep> steps() {
        std::set<int> percents{100};
        for (int i = between(0, 5); i > 0; --i) percents.insert(between(1, 99));
        std::vector<CanaryStep> steps;
        for (const int each : percents) steps.push_back(percent(each, between(0, 2) * 60));
        return steps;
    }

private:
    std::mt19937_64 engine_;
};

/// What holds of all steps, whatever the strategy.
void check_form(const std::vector<Step>& steps, const Fleet& fleet) {
    std::vector<std::string> order, expected;
    for (const auto* target : fleet.moving) expected.push_back(target->name);
    auto former = StepKind::deploy;
    int index = 0;
    for (const auto& step : steps) {
        ASSERT_EQ(step.index, index++);
        const auto kind = kind_of(step);
        ASSERT_FALSE(kind == StepKind::await && former == kind) << "one await is enough";
        if (const auto* work = deploy_of(step)) {
            ASSERT_FALSE(work->targets.empty());
            ASSERT_GE(work->max_unavailable, 1);
            order.insert(order.end(), work->targets.begin(), work->targets.end());
        }
        former = kind;
    }
    ASSERT_NE(former, StepKind::await) << "after the last there is nothing to wait for";
    std::ranges::sort(order);
    std::ranges::sort(expected);
    ASSERT_EQ(order, expected) << "each once";
}

/// Of each entry that moved something: deploys, its verify, its await, in this order.
void check_order(const std::vector<Step>& steps, const Strategy& strategy) {
    std::string form, expected;
    std::set<int> entries;
    for (const auto& step : steps) {
        form += fmt::format("{}{} ", to_string(kind_of(step)), step.entry);
        if (deploy_of(step)) entries.insert(step.entry);
    }
    for (const int entry : entries) {
        const auto& written = strategy.steps[static_cast<std::size_t>(entry) - 1];
        expected += fmt::format("deploy{} ", entry);
        if (written.verify_duration > Seconds{0}) expected += fmt::format("verify{} ", entry);
        if (!strategy.auto_promote && entry != *entries.rbegin())
            expected += fmt::format("await{} ", entry);
    }
    const bool goes_on = !steps.empty() && !deploy_of(steps.front());
    if (goes_on)  // at the verify, or at the await, of what is there
        ASSERT_THAT(form, testing::EndsWith(expected));
    else
        ASSERT_EQ(form, expected);
}

TEST(CanaryPropertyTest, StepsTakeTheirShareAndNoMoreForAllSizesAndLists) {
    Random random{20261130};
    for (int total = 1; total <= 200; ++total)
        for (int round = 0; round < 10; ++round) {
            Hosts hosts{total};
            const auto fleet = hosts.fleet(random.some_of(total), random.some_of(total));
            if (fleet.moving.empty()) continue;
            const auto strategy = canary(random.steps(), random.between(0, 1) == 1);
            const auto steps = compile(strategy, fleet);
            SCOPED_TRACE(fmt::format("{} of {} online, {} there: {}", fleet.online, total,
                                     fleet.there.size(), text_of(steps)));
            ASSERT_NO_FATAL_FAILURE(check_form(steps, fleet));
            ASSERT_NO_FATAL_FAILURE(check_order(steps, strategy));
            ASSERT_EQ(deployed_by_entry(steps, strategy.steps.size()),
                      moved_by_entry(strategy, fleet));
            auto have = static_cast<int>(fleet.there.size());
            for (const auto& step : steps) {
                if (!deploy_of(step)) continue;
                have += static_cast<int>(deploy_of(step)->targets.size());
                const int written =
                    *strategy.steps[static_cast<std::size_t>(step.entry) - 1].percent;
                if (written == 100 || total == 1) continue;
                ASSERT_LE(have, std::max(1, total * written / 100));
                if (!lacks_online(strategy, fleet).empty()) continue;
                ASSERT_LT(have, fleet.online) << "one stays as it is";
            }
        }
}

/// Wherever it is stopped, what is left is what was left: of the deploy step in which that was, and
/// all that follows it.
TEST(CanaryPropertyTest, AHalfDoneReleaseGoesOnWhereItWas) {
    Random random{7};
    for (int total = 1; total <= 60; ++total) {
        Hosts hosts{total};
        const auto away = random.some_of(total);
        const auto strategy = canary(random.steps(), random.between(0, 1) == 1);
        const auto whole = compile(strategy, hosts.fleet(away, {}));
        std::set<int> there;
        for (auto at = whole.begin(); at != whole.end(); ++at) {
            if (!deploy_of(*at)) continue;
            auto left = deploy_of(*at)->targets;
            while (!left.empty()) {
                there.insert(std::stoi(left.front().substr(1)));
                left.erase(left.begin());
                const auto steps = compile(strategy, hosts.fleet(away, there));
                if (steps.empty()) break;  // nothing moves any more
                SCOPED_TRACE(
                    fmt::format("{} of {} done: {}", there.size(), text_of(whole), text_of(steps)));
                if (!left.empty()) {
                    ASSERT_TRUE(deploy_of(steps.front()));
                    ASSERT_EQ(steps.front().entry, at->entry);
                    ASSERT_EQ(deploy_of(steps.front())->targets, left);
                }
                ASSERT_EQ(text_of({steps.begin() + (left.empty() ? 0 : 1), steps.end()}),
                          text_of({at + 1, whole.end()}));
            }
        }
    }
}

using Moves = std::vector<std::pair<int, std::string>>;  ///< entry and target

/// The same with a pencil for groups: who of a group comes next, what a share leaves, who is in
/// none.
Moves moves_by_group(const Strategy& strategy, const Fleet& fleet) {
    std::set<std::string> have, grouped;
    for (const auto* target : fleet.there) have.insert(target->name);
    Moves moves;
    const auto move = [&](int entry, const std::set<std::string>& group, std::size_t may) {
        std::set<std::string> online, with;
        for (const auto* targets : {&fleet.there, &fleet.moving})
            for (const auto* target : *targets)
                if (group.contains(target->name)) online.insert(target->name);
        std::ranges::set_intersection(online, have, std::inserter(with, with.end()));
        if (may < group.size() && group.size() > 1)
            may = std::min(may, std::max<std::size_t>(1, online.size() - 1));
        auto count = with.size();
        for (const auto* target : fleet.moving)
            if (count < may && online.contains(target->name) && have.insert(target->name).second) {
                moves.emplace_back(entry, target->name);
                ++count;
            }
    };
    const auto& groups = strategy.cluster_order;
    const auto names_of = [](const ClusterGroup& group) {
        std::set<std::string> names;
        for (const auto& target : group.targets) names.insert(target.name);
        return names;
    };
    for (std::size_t i = 0; i < groups.size(); ++i) {
        auto group = names_of(groups[i]);
        grouped.insert(group.begin(), group.end());
        const auto percent = static_cast<std::size_t>(groups[i].canary_percent.value_or(100));
        move(static_cast<int>(i) + 1, group,
             std::max<std::size_t>(1, group.size() * percent / 100));
        for (auto later = i + 1; later < groups.size(); ++later)
            for (const auto& name : names_of(groups[later])) group.erase(name);
        move(static_cast<int>(i) + 1, group, group.size());
    }
    for (const auto* target : fleet.moving)
        if (!grouped.contains(target->name)) moves.emplace_back(0, target->name);
    return moves;
}

ClusterGroup random_group(Random& random, int total) {
    ClusterGroup group;
    group.verify_duration = Seconds{random.between(0, 1) * 60};
    group.approval_required = random.between(0, 2) == 0;
    for (const int each : random.some_of(total))
        group.targets.push_back(ref(fmt::format("t{}", each)));
    if (random.between(0, 1) == 0) group.canary_percent = random.between(1, 99);
    return group;
}

/// Some targets are in several groups, some in none.
TEST(CanaryPropertyTest, GroupsCoverEverythingInTheirOrder) {
    Random random{99};
    for (int total = 1; total <= 200; ++total) {
        Hosts hosts{total};
        const auto fleet = hosts.fleet(random.some_of(total), random.some_of(total));
        if (fleet.moving.empty()) continue;
        auto strategy = canary({}, random.between(0, 1) == 1);
        for (int i = random.between(1, 6); i > 0; --i)
            strategy.cluster_order.push_back(random_group(random, total));
        const auto steps = compile(strategy, fleet);
        SCOPED_TRACE(text_of(steps));
        ASSERT_NO_FATAL_FAILURE(check_form(steps, fleet));
        Moves moves;
        std::set<int> approved;
        for (const auto& step : steps) {
            const auto* await = std::get_if<AwaitWork>(&step.work);
            if (await && await->approver) approved.insert(step.index);
            const auto* work = deploy_of(step);
            for (const auto& name : work ? work->targets : std::vector<std::string>{})
                moves.emplace_back(step.entry, name);
        }
        ASSERT_EQ(moves, moves_by_group(strategy, fleet));
        std::set<int> begun;
        for (const auto& step : steps) {
            if (kind_of(step) == StepKind::await || step.entry == 0) continue;
            if (!begun.insert(step.entry).second || !deploy_of(step)) continue;  // or under way
            if (strategy.cluster_order[static_cast<std::size_t>(step.entry) - 1]
                    .approval_required) {
                ASSERT_TRUE(approved.contains(step.index - 1)) << "entry " << step.entry;
            }
        }
    }
}

}  // namespace
}  // namespace tidegate::planner
