#pragma once
/// Results that did not fit into the inventory. They follow it, so many bytes before the daemon has
/// acknowledged them, so that neither side's queue has to hold them all.

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "schema/model/agent.h"

namespace tidegate::session {

class Backlog {
public:
    /// For a new link: these, oldest first.
    void reset(std::vector<ActionResult> results);
    /// What may be sent now, up to limits::kResultBytesUnacknowledgedMax at a time.
    [[nodiscard]] std::vector<ActionResult> take();
    void acknowledge(const std::vector<std::string>& actions);

private:
    std::deque<ActionResult> waiting_;
    std::map<std::string, std::size_t> sent_;  ///< bytes, by action
    std::size_t bytes_ = 0;                    ///< of all in it
};

}  // namespace tidegate::session
