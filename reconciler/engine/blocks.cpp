#include "reconciler/engine/blocks.h"

#include "reconciler/engine/back_off.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "schema/base/limits.h"
#include "schema/model/slots.h"

namespace tidegate::engine {
namespace {

Lived block_ends(const Turn& turn, int failures) {
    return turn.lived + back_off(failures, limits::kBlockMin, limits::kBlockMax);
}

int failures_before(const Turn& turn, const InstallKey& key, const Digest& digest) {
    const auto former = turn.state.blocks.find(key);
    const bool same = former != turn.state.blocks.end() && former->second.digest == digest;
    return same ? former->second.failures : 0;
}

InstallKey block_key(const Release& release, const TargetProgress& progress) {
    return release.kind == ReleaseKind::retire
               ? retire_block(release.key, progress.name, release.slot)
               : key_of(release.key, progress.name);
}

}  // namespace

InstallKey retire_block(const AssignmentKey& key, const std::string& target,
                        const std::string& slot) {
    return {target, key.project, slot.empty() ? "none" : slot};
}

std::vector<InstallKey> block_keys(const AssignmentKey& key, const std::string& target) {
    std::vector<InstallKey> keys{key_of(key, target), retire_block(key, target, "")};
    for (const auto slot : kSlots) keys.push_back(retire_block(key, target, std::string(slot)));
    return keys;
}

void block(Turn& turn, const Release& release, const TargetProgress& progress) {
    const auto key = block_key(release, progress);
    const int failures = failures_before(turn, key, progress.desired) + 1;
    const auto until = block_ends(turn, failures);
    turn.put(Block{key, progress.desired, failures, until, progress.error, {}});
    turn.notify(NoticeKind::target_blocked, release.key, release.id,
                fmt::format("{}: {} failed on {} ({}); tried again after {}", release.key.text(),
                            to_string(release.kind), progress.name, progress.error,
                            format_rfc3339(turn.wall(until))));
}

void note_success(Turn& turn, const Release& release, const TargetProgress& progress) {
    const auto key = block_key(release, progress);
    if (release.kind != ReleaseKind::heal) return turn.erase_block(key);
    const auto former = turn.state.blocks.find(key);
    const bool proven = former != turn.state.blocks.end() && former->second.healed_at &&
                        turn.lived >= *former->second.healed_at + limits::kHealProven;
    const int failures = proven ? 0 : failures_before(turn, key, progress.desired);
    turn.put(Block{key, progress.desired, failures, turn.lived, "it was healed", turn.lived});
}

bool is_failed_heal(Turn& turn, const AssignmentKey& key, const DesiredTarget& target,
                    const Installation& seen) {
    const auto install = key_of(key, target.name);
    const auto found = turn.state.blocks.find(install);
    if (found == turn.state.blocks.end() || found->second.digest != seen.digest) return false;
    const auto& former = found->second;
    if (!former.healed_at || turn.lived >= *former.healed_at + limits::kHealProven) return false;
    const int failures = former.failures + 1;
    Block made{install,
               seen.digest,
               failures,
               block_ends(turn, failures),
               "drifted again after a heal: " + seen.drift_reason,
               {}};
    turn.put(made);
    if (failures == 1)
        turn.notify(NoticeKind::target_blocked, key, "",
                    fmt::format("{}: {} {}; healed again after a time that doubles", key.text(),
                                target.name, made.reason));
    add_holds(turn, key, {backoff_hold(turn.state, made)});
    return true;
}

}  // namespace tidegate::engine
