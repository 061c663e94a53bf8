#pragma once
/// Strategies: each compiles to a list of steps, in a file of its own. The engine only walks steps.
///
/// A canary of `steps: 10 %, 50 %, 100 %`, ten minutes each, `auto_promote: false`, over 20 targets
/// of which w18 is away and w1 was moved by a release before this one:
///
/// ```
/// moving = w2 … w17 w19 w20   there = w1   total = 20   online = 19
///
/// entry  share            has it   steps
/// 1      10 % of 20 = 2   w1       deploy w2          verify 600   await
/// 2      50 % of 20 = 10  w1 w2    deploy w3 … w10    verify 600   await
/// 3      all              w1…w10   deploy w11 … w20
/// ```
/// With w1 … w10 there it goes on at entry 2's verify: entry 1 was passed, or nobody would have
/// come further; and what entry 2 brought may have been watched for a part of its time only.
///
/// A blue_green with `verify_duration: 60s`, `canary.steps` of weight 25 and 100, ten minutes each:
///
/// ```
/// entry                  steps
///        all, in green   deploy w1 … w20   verify 60
/// 1      weight 25       route 25          verify 600
/// 2      weight 100      route 100         verify 600
/// ```
///
/// To add one: write `<name>.cpp` with a function of type `Compiler`, declare it below, give it a
/// row in strategies.cpp, and let `is_supported(StrategyType)` say yes (docs/extending.md).

#include <span>
#include <string>
#include <vector>

#include "schema/model/assignment.h"
#include "schema/model/release.h"

namespace tidegate::planner {

/// One release's targets, for a strategy to put in order. Pinned ones are in none of these.
struct Fleet {
    /// In the order in which they go; empty only where all have it in the slot that it goes to.
    std::span<const DesiredTarget* const> moving;
    std::span<const DesiredTarget* const> there;  ///< online, and have the new version already
    int total = 0;   ///< all that the assignment covers, those away included: what shares are of
    int online = 0;  ///< of these: reachable now
    /// What is kept, brought back or taken away was proven before, or is not there to be watched:
    /// only an introduce goes by shares, is verified and waits for people.
    ReleaseKind kind = ReleaseKind::introduce;
    bool serves = true;   ///< something has the traffic that blue_green is to take over
    bool beside = false;  ///< what is brought back is in the slot beside what serves
};

using Compiler = std::vector<Step> (*)(const Strategy& strategy, const Fleet& fleet);

std::vector<Step> compile_rolling(const Strategy& strategy, const Fleet& fleet);
std::vector<Step> compile_all_at_once(const Strategy& strategy, const Fleet& fleet);
std::vector<Step> compile_canary(const Strategy& strategy, const Fleet& fleet);
std::vector<Step> compile_blue_green(const Strategy& strategy, const Fleet& fleet);

/// The steps of a release, numbered; none for no targets, or where this build has no compiler for
/// the strategy (gate `unsupported` holds it then). Every target of `moving` is in one deploy step.
/// Percentages round down, at least 1.
[[nodiscard]] std::vector<Step> compile(const Strategy& strategy, const Fleet& fleet);

/// Why it cannot begin with those that are online (hold `offline`); empty = it can. Below 100
/// percent at least one online target has to stay as it is, and those that are named to go first
/// have to be there. Compiled nevertheless, its first step takes one target.
[[nodiscard]] std::string lacks_online(const Strategy& strategy, const Fleet& fleet);

}  // namespace tidegate::planner
