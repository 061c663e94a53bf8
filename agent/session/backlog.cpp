#include "agent/session/backlog.h"

#include <iterator>

#include "schema/base/limits.h"
#include "schema/wire/messages.h"

namespace tidegate::session {

void Backlog::reset(std::vector<ActionResult> results) {
    waiting_.assign(std::make_move_iterator(results.begin()),
                    std::make_move_iterator(results.end()));
    sent_.clear();
    bytes_ = 0;
}

std::vector<ActionResult> Backlog::take() {
    std::vector<ActionResult> taken;
    while (!waiting_.empty() && bytes_ < limits::kResultBytesUnacknowledgedMax) {
        auto& next = taken.emplace_back(wire::shortened(std::move(waiting_.front())));
        waiting_.pop_front();
        const auto bytes = wire::bytes_of(next);
        if (sent_.emplace(next.id, bytes).second) bytes_ += bytes;
    }
    return taken;
}

void Backlog::acknowledge(const std::vector<std::string>& actions) {
    for (const auto& id : actions)
        if (const auto known = sent_.extract(id); !known.empty()) bytes_ -= known.mapped();
}

}  // namespace tidegate::session
