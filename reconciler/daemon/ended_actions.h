#pragma once
/// Whose the actions are that ended lately. An action's output travels on a stream of its own, and
/// under flow control its end comes after the result that takes the action off the outbox. At most
/// `kLogFilesMax`, the oldest goes first: as many as have a log. Loop thread only.

#include <deque>
#include <map>
#include <string>

#include "schema/base/limits.h"

namespace tidegate::daemon {

class EndedActions {
public:
    void add(const std::string& action, const std::string& agent) {
        if (!agents_.emplace(action, agent).second) return;
        by_age_.push_back(action);
        if (by_age_.size() <= limits::kLogFilesMax) return;
        agents_.erase(by_age_.front());
        by_age_.pop_front();
    }
    [[nodiscard]] bool belongs(const std::string& action, const std::string& agent) const {
        const auto found = agents_.find(action);
        return found != agents_.end() && found->second == agent;
    }

private:
    std::map<std::string, std::string> agents_;  ///< by action
    std::deque<std::string> by_age_;
};

}  // namespace tidegate::daemon
