#include "reconciler/fleet/known_sources.h"

#include <algorithm>

#include "schema/base/limits.h"

namespace tidegate::fleet {

void KnownSources::note(const std::string& source, Milliseconds now) {
    if (source.empty()) return;
    if (!last_.contains(source)) make_room(now);
    last_[source] = now;
}

bool KnownSources::contains(const std::string& source, Milliseconds now) const {
    const auto found = last_.find(source);
    return found != last_.end() && now - found->second < limits::kSourceKnownFor;
}

void KnownSources::make_room(Milliseconds now) {
    if (last_.size() < limits::kSourcesKnownMax) return;
    std::erase_if(last_,
                  [&](const auto& item) { return now - item.second >= limits::kSourceKnownFor; });
    if (last_.size() < limits::kSourcesKnownMax) return;
    last_.erase(std::ranges::min_element(last_, {},
                                         &std::map<std::string, Milliseconds>::value_type::second));
}

}  // namespace tidegate::fleet
