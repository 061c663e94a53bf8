#include "reconciler/planner/diff.h"

namespace tidegate::planner {

TargetState compare(const Wish& wish, const Installation* seen) {
    const bool nothing = !seen || seen->status == InstallStatus::absent;
    if (nothing) return wish.absent ? TargetState::in_sync : TargetState::to_install;
    if (seen->status == InstallStatus::unknown) return TargetState::unknown;
    if (wish.absent) return TargetState::to_uninstall;
    if (seen->status == InstallStatus::failed) return TargetState::to_update;
    if (seen->digest != wish.digest) return TargetState::to_update;
    return seen->drifted ? TargetState::drifted : TargetState::in_sync;
}

std::vector<Difference> diff(std::span<const WishRow> wished, std::span<const Installation> seen) {
    std::vector<Difference> found;
    auto there = seen.begin();
    const auto orphan = [&] {
        if (there->status != InstallStatus::absent)
            found.push_back({there->key, TargetState::orphaned});
        ++there;
    };
    for (const auto& row : wished) {
        while (there != seen.end() && there->key < row.key) orphan();
        const bool known = there != seen.end() && there->key == row.key;
        if (const auto state = compare(row.wish, known ? &*there : nullptr);
            state != TargetState::in_sync)
            found.push_back({row.key, state});
        if (known) ++there;
    }
    while (there != seen.end()) orphan();
    return found;
}

}  // namespace tidegate::planner
