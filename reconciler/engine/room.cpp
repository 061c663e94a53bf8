#include "reconciler/engine/room.h"

#include <algorithm>
#include <vector>

#include "reconciler/engine/facts.h"
#include "schema/base/limits.h"
#include "schema/resolve/action_size.h"

namespace tidegate::engine {
namespace {

int places_of(const State& state, const std::string& agent) {
    const auto found = state.agents.find(agent);
    const int said = found == state.agents.end() ? 0 : found->second.runs_at_once;
    return said <= 0 ? limits::kActionsAtOnceDefault : std::min(said, limits::kActionsAtOnceMax);
}

/// What the agent was sent and has not answered.
std::vector<const Action*> sent_to(const State& state, const std::string& agent) {
    std::vector<const Action*> actions;
    const auto sent = state.sent_to.find(agent);
    if (sent == state.sent_to.end()) return actions;
    for (const auto& id : sent->second)
        if (const auto& entry = state.outbox.at(id); entry.sent) actions.push_back(&entry.action);
    return actions;
}

}  // namespace

std::size_t bytes_of(const State& state, const Action& action) {
    const auto known = state.imagined_bytes.find(action.id);
    return known == state.imagined_bytes.end() ? action_bytes(action) : known->second;
}

/// Asked before every dispatch: bytes are summed, which walks through all that an action consists
/// of, only where there is a place.
bool has_room(const State& state, const std::string& agent, bool restore, std::size_t bytes) {
    const auto sent = sent_to(state, agent);
    if (sent.empty()) return true;
    const int kept = restore ? 0 : 1;
    if (static_cast<int>(sent.size()) >= places_of(state, agent) - kept) return false;
    auto sum = bytes + (restore ? 0 : limits::kActionBytesMax);
    for (const auto* action : sent) sum += bytes_of(state, *action);
    return sum <= limits::kActionBytesOutMax;
}

void wait_for_room(State& state, const std::string& agent, const AssignmentKey& key, bool restore) {
    auto& line = state.lines[{agent, restore}];
    if (std::ranges::find(line, key) == line.end()) line.push_back(key);
}

Hold crowded_hold(const std::vector<std::string>& targets) {
    return {"busy",
            fmt::format("waits for a place on the agents of {}, which run as much as they can",
                        some_of(targets)),
            {}};
}

/// Each line is walked once in a step at most: whoever found no room after all stands at its end.
bool touch_next_in_line(Turn& turn) {
    for (const bool restore : {true, false})
        for (const auto& agent : turn.freed()) {
            const auto line = turn.state.lines.find({agent, restore});
            if (line == turn.state.lines.end() || !has_room(turn.state, agent, restore) ||
                !turn.take_place({agent, restore}, line->second.size()))
                continue;
            const auto key = line->second.front();
            line->second.pop_front();
            if (line->second.empty()) turn.state.lines.erase(line);
            if (turn.state.assignments.contains(key)) turn.touch(key);
            return true;
        }
    return false;
}

}  // namespace tidegate::engine
