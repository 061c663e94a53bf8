#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "reconciler/planner/circles.h"
#include "reconciler/planner/deploys.h"

namespace tidegate::planner {
namespace {

using Targets = std::vector<const DesiredTarget*>;

/// How many more an entry may take so that one of several online ones stays as it is.
int room_of(const Entry& entry) {
    const auto& circle = *entry.circle;
    if (entry.share == kAll || circle.total <= 1) return kAll;
    const auto have = static_cast<int>(std::ranges::count_if(
        circle.members, [](const Member* member) { return member->there || member->taken; }));
    return std::max(circle.online - 1 - have, have == 0 ? 1 : 0);
}

/// Writes the steps of one entry after the other.
class Writer {
public:
    Writer(const Strategy& strategy, const Fleet& fleet)
        : strategy_{strategy},
          pace_{pace_of(strategy, fleet)},
          there_left_{static_cast<int>(fleet.there.size())} {}

    void add(const Entry& entry);
    [[nodiscard]] std::vector<Step> finish();

private:
    struct Part {
        Targets moving;
        bool any_there = false;  ///< targets that have the version already are a part of it
    };

    Part take(const Entry& entry);
    void add_await(int entry, bool approver);

    const Strategy& strategy_;
    Pace pace_;
    int there_left_;     ///< of those that have the version already, what no entry accounts for yet
    int approved_ = -1;  ///< the entry that last began
    int awaited_ = -1;   ///< the entry that last got its await
    std::vector<Step> steps_;
};

/// What the entry brings: those that are there count first.
Writer::Part Writer::take(const Entry& entry) {
    Part part;
    auto taken = std::ranges::count_if(entry.circle->members, &Member::taken);
    auto room = room_of(entry);
    for (auto* member : entry.circle->members) {
        if (member->taken) continue;
        if (taken >= entry.share || (!member->there && room == 0)) break;
        member->taken = true;
        ++taken;
        if (member->there) {
            part.any_there = true;
            --there_left_;
        } else {
            part.moving.push_back(member->target);
            --room;
        }
    }
    return part;
}

/// One after another is one, of the entry that ends there.
void Writer::add_await(int entry, bool approver) {
    if (steps_.empty() || kind_of(steps_.back()) != StepKind::await)
        steps_.push_back(make_step(entry, AwaitWork{false, strategy_.promote_timeout}));
    std::get<AwaitWork>(steps_.back().work).approver |= approver;
}

/// With nothing to move it was passed before, unless nobody has come further: then it was under
/// way. One entry has one await, whichever part of it comes first.
void Writer::add(const Entry& entry) {
    const auto part = take(entry);
    const bool was_under_way = part.any_there && there_left_ == 0;
    if (part.moving.empty() && !was_under_way) return;
    if (entry.approver && !part.moving.empty() && approved_ != entry.number)
        add_await(entry.number, true);
    approved_ = entry.number;
    add_deploys(steps_, part.moving, entry.number, pace_);
    if (entry.verify > Seconds{0})
        steps_.push_back(make_step(entry.number, VerifyWork{entry.verify}));
    if (strategy_.auto_promote || awaited_ == entry.number) return;
    add_await(entry.number, false);
    awaited_ = entry.number;
}

std::vector<Step> Writer::finish() {
    while (!steps_.empty() && kind_of(steps_.back()) == StepKind::await) steps_.pop_back();
    return std::move(steps_);
}

}  // namespace

/// Entry after entry: its share of its circle is deployed, watched, and waits for a promote.
std::vector<Step> compile_canary(const Strategy& strategy, const Fleet& fleet) {
    if (fleet.kind != ReleaseKind::introduce) {
        std::vector<Step> steps;
        add_deploys(steps, fleet.moving, 0, pace_of(strategy, fleet));
        return steps;
    }
    const auto entries = entries_of(strategy, fleet);
    Writer writer{strategy, fleet};
    for (const auto& entry : entries.list) writer.add(entry);
    return writer.finish();
}

std::string lacks_online(const Strategy& strategy, const Fleet& fleet) {
    if (strategy.type != StrategyType::canary || fleet.kind != ReleaseKind::introduce) return {};
    const auto entries = entries_of(strategy, fleet);
    if (entries.named == 0) return "those that go first are all away or pinned";
    for (const auto& entry : entries.list) {
        const auto& circle = *entry.circle;
        const bool any_there = std::ranges::any_of(circle.members, &Member::there);
        if (entry.share == kAll || circle.total <= 1 || circle.online > 1 || any_there ||
            circle.members.empty())
            continue;
        return fmt::format(
            "entry {}: {} of {} targets online, and below 100 percent one has to stay as it is",
            entry.number, circle.online, circle.total);
    }
    return {};
}

}  // namespace tidegate::planner
