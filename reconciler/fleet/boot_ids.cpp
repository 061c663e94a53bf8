#include "reconciler/fleet/boot_ids.h"

#include <algorithm>

#include "schema/base/limits.h"

namespace tidegate::fleet {

Boot BootIds::note(const std::string& agent, const std::string& boot_id, Milliseconds now) {
    auto& ids = agents_[agent];
    if (boot_id == ids.current) return Boot::usual;
    std::erase_if(ids.former, [&](const Former& former) {
        return now - former.pushed_out_at >= limits::kBootIdRemembered;
    });
    if (std::ranges::find(ids.former, boot_id, &Former::id) != ids.former.end()) {
        agents_.erase(agent);
        return Boot::second_holder;
    }
    const bool first = ids.current.empty();
    if (!first) push_out(ids, now);
    ids.current = boot_id;
    ids.since = now;
    return first ? Boot::usual : count(ids, now);
}

void BootIds::push_out(Ids& ids, Milliseconds now) {
    ids.former.push_back({ids.current, now - ids.since, now});
    if (ids.former.size() <= limits::kBootIdsKept) return;
    ids.former.erase(std::ranges::min_element(ids.former, {}, &Former::held));
}

Boot BootIds::count(Ids& ids, Milliseconds now) {
    if (ids.fresh == 0 || now - ids.counted_from >= limits::kBootIdRemembered) {
        ids.fresh = 0;
        ids.counted_from = now;
    }
    return ++ids.fresh == limits::kBootIdsUsual ? Boot::many : Boot::usual;
}

}  // namespace tidegate::fleet
