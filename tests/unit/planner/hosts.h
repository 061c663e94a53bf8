#pragma once
/// Fleets and strategies of canaries, and their steps as short texts.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include "reconciler/planner/strategy.h"

namespace tidegate::planner {

/// Targets t0, t1, … of which some are online, and of these some have the new version.
class Hosts {
public:
    explicit Hosts(int total) : all_(static_cast<std::size_t>(total)) {
        for (std::size_t i = 0; i < all_.size(); ++i) all_[i].name = fmt::format("t{}", i);
    }
    DesiredTarget& operator[](int i) { return all_[static_cast<std::size_t>(i)]; }

    /// `offline: skip`: who is away takes no part.
    Fleet fleet(const std::set<int>& away, const std::set<int>& there) {
        moving_.clear();
        there_.clear();
        for (int i = 0; i < static_cast<int>(all_.size()); ++i)
            if (!away.contains(i)) (there.contains(i) ? there_ : moving_).push_back(&(*this)[i]);
        return {moving_, there_, static_cast<int>(all_.size()),
                static_cast<int>(moving_.size() + there_.size())};
    }

private:
    std::vector<DesiredTarget> all_;
    std::vector<const DesiredTarget*> moving_, there_;
};

/// `d1[t0 t1] v1:600 a1 d2[t2]`; a number behind a colon is a verify's seconds, `!` an approver's,
/// of a route its weight.
inline std::string text_of(const std::vector<Step>& steps) {
    std::string text;
    for (const auto& step : steps) {
        if (!text.empty()) text += ' ';
        if (const auto* work = deploy_of(step)) {
            EXPECT_EQ(work->required, static_cast<int>(work->targets.size()));
            text += fmt::format("d{}[{}]", step.entry, fmt::join(work->targets, " "));
        } else if (const auto* verify = std::get_if<VerifyWork>(&step.work)) {
            text += fmt::format("v{}:{}", step.entry, verify->duration.count());
        } else if (const auto* route = std::get_if<RouteWork>(&step.work)) {
            text += fmt::format("r{}:{}", step.entry, route->weight);
        } else {
            const bool approver = std::get<AwaitWork>(step.work).approver;
            text += fmt::format("a{}{}", step.entry, approver ? "!" : "");
        }
    }
    return text;
}

inline CanaryStep percent(int percent, int verify = 0) { return {percent, {}, Seconds{verify}}; }

inline Strategy canary(std::vector<CanaryStep> steps, bool auto_promote = true) {
    Strategy strategy;
    strategy.type = StrategyType::canary;
    strategy.steps = std::move(steps);
    strategy.auto_promote = auto_promote;
    return strategy;
}

inline Reference ref(std::string name) { return {std::move(name), {}}; }

}  // namespace tidegate::planner
