#include <algorithm>

#include "reconciler/engine/ask.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/look.h"
#include "schema/base/utf8.h"

namespace tidegate::engine {
namespace {

constexpr std::size_t kEvidenceBytesMax = 4'000;

std::string evidence(const Release& release) {
    std::string text;
    for (const auto& [name, progress] : release.targets) {
        if (!progress.error.empty()) text += fmt::format("{}: {}\n", name, progress.error);
        for (const auto& stage : progress.stages)
            for (const auto& task : stage.tasks)
                // An update that came before the outcome has no error yet.
                if (task.status == TaskStatus::failed && !task.error.empty())
                    text +=
                        fmt::format("{}: {} / {}: {}\n", name, stage.name, task.name, task.error);
        if (text.size() > kEvidenceBytesMax) break;
    }
    return std::string{tidegate::head_of(text, kEvidenceBytesMax)};
}

RevertRequest request_of(const Release& release, const RevertJob& job) {
    return {.key = release.key,
            .release = release.id,
            .guilty_digest = release.digest,
            .guilty_commit = release.digest_commit,
            .guilty_version = release.to,
            .good = release.last_good,
            .reason = release.reason,
            .evidence = evidence(release),
            .prepared = job.prepared};
}

/// What the accepted commit already says about it: our push was seen, or a newer wish is there. One
/// for the same digest is a newer one, too, once a person lifted the quarantine.
bool is_answered_by_wish(Turn& turn, Release& release) {
    const auto& wish = turn.state.assignments.at(release.key).wish;
    if (wish && !release.revert_commit.empty() && wish->intent.commit == release.revert_commit) {
        finish_revert(turn, release, RevertState::pushed, "");
        return true;
    }
    const bool same = wish && wish->definition->digest == release.digest;
    // Nobody promoted it in time, or no router obeyed: that quarantines nothing.
    const bool stands = !release.condemned && wish && wish->intent.commit == release.commit;
    if (same && (stands || quarantine_of(turn.state, release.key, release.digest))) return false;
    finish_revert(turn, release, RevertState::not_needed,
                  same ? "a person wants it tried anew" : "a newer commit changed it already");
    return true;
}

}  // namespace

void finish_revert(Turn& turn, Release& release, RevertState how, std::string note) {
    release.revert = how;
    release.revert_note = std::move(note);
    turn.save(release);
    turn.audit("revert." + std::string(to_string(how)), release.key.text(), release.revert_commit,
               json_object({{"release", release.id}, {"note", release.revert_note}}));
    turn.end_revert(release.id);
}

void tend_reverts(Turn& turn, const AssignmentKey& key) {
    auto& state = turn.state;
    if (state.reverts.empty() || state.fenced) return;
    for (const auto& id : state.assignments.at(key).releases) {
        const auto found = state.reverts.find(id);
        if (found == state.reverts.end()) continue;
        auto& job = found->second;
        auto& release = state.releases.at(id);
        const bool due = is_to_ask(turn, key, job.inquiry);
        if (!due && job.inquiry.id != 0) continue;  // its answer is
        if (is_answered_by_wish(turn, release)) continue;
        if (!due || !state.git_hold.empty()) continue;  // nothing can be built on such a tip
        // Looked at again when its turn comes.
        if (!state.reverting.empty() && state.reverting != id) continue;
        state.reverting = id;
        ask(turn, key, job.inquiry, request_of(release, job));
    }
}

void touch_next_revert(Turn& turn) {
    const auto& state = turn.state;
    if (!state.reverting.empty()) return;
    const auto next = std::ranges::min_element(
        state.reverts, {}, [](const auto& entry) { return entry.second.inquiry.again_at; });
    if (next != state.reverts.end()) turn.touch(state.releases.at(next->first).key);
}

}  // namespace tidegate::engine
