#include "reconciler/engine/room.h"

#include <algorithm>

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

struct Load {
    int actions = 0;
    std::size_t bytes = 0;
};

Load load_of(const State& state, const std::string& agent) {
    Load load;
    const auto sent = state.sent_to.find(agent);
    if (sent == state.sent_to.end()) return load;
    for (const auto& id : sent->second) {
        const auto& entry = state.outbox.at(id);
        if (!entry.sent) continue;
        ++load.actions;
        load.bytes += action_bytes(entry.action);
    }
    return load;
}

}  // namespace

bool has_room(const State& state, const std::string& agent, bool restore, std::size_t bytes) {
    const auto load = load_of(state, agent);
    if (load.actions == 0) return true;
    const int kept = restore ? 0 : 1;
    const auto bytes_kept = restore ? 0 : limits::kActionBytesMax;
    return load.actions < places_of(state, agent) - kept &&
           load.bytes + bytes + bytes_kept <= limits::kActionBytesOutMax;
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
