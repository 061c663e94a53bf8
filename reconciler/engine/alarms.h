#pragma once
/// When each assignment is to be looked at again: one time each, the soonest that was asked for.

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "schema/model/names.h"

namespace tidegate::engine {

template <class Time>
class Alarms {
public:
    void set(const AssignmentKey& key, Time at) {
        const auto found = times_.find(key);
        if (found != times_.end() && found->second <= at) return;
        forget(key);
        times_.emplace(key, at);
        order_.emplace(at, key);
    }
    void forget(const AssignmentKey& key) {
        const auto found = times_.find(key);
        if (found == times_.end()) return;
        order_.erase({found->second, key});
        times_.erase(found);
    }
    [[nodiscard]] std::optional<Time> next() const {
        if (order_.empty()) return std::nullopt;
        return order_.begin()->first;
    }
    /// Those whose time has come; they stay until they are forgotten.
    [[nodiscard]] std::vector<AssignmentKey> due(Time now) const {
        std::vector<AssignmentKey> keys;
        for (auto it = order_.begin(); it != order_.end() && it->first <= now; ++it)
            keys.push_back(it->second);
        return keys;
    }

private:
    std::map<AssignmentKey, Time> times_;
    std::set<std::pair<Time, AssignmentKey>> order_;
};

}  // namespace tidegate::engine
