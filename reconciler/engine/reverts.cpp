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
                if (task.status == TaskStatus::failed)
                    text +=
                        fmt::format("{}: {} / {}: {}\n", name, stage.name, task.name, task.error);
        if (text.size() > kEvidenceBytesMax) break;
    }
    return std::string{head_of(text, kEvidenceBytesMax)};
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

void close(Turn& turn, Release& release, RevertState state, std::string note) {
    release.revert = state;
    release.revert_note = std::move(note);
    turn.save(release);
    turn.audit("revert." + std::string(to_string(state)), release.key.text(), release.revert_commit,
               json_object({{"release", release.id}, {"note", release.revert_note}}));
    turn.state.reverts.erase(std::string(release.id));
}

/// What the accepted commit already says about it: our push was seen, or a newer wish is there.
bool is_answered_by_wish(Turn& turn, Release& release) {
    const auto& wish = turn.state.assignments.at(release.key).wish;
    if (wish && !release.revert_commit.empty() && wish->intent.commit == release.revert_commit) {
        close(turn, release, RevertState::pushed, "");
        return true;
    }
    if (wish && wish->definition->digest == release.digest) return false;
    close(turn, release, RevertState::not_needed, "a newer commit changed it already");
    return true;
}

}  // namespace

/// One revert at a time is made and pushed, so that they do not lose the race to one another.
void tend_reverts(Turn& turn, const AssignmentKey& key) {
    bool busy = false;
    std::vector<std::string> mine;
    for (const auto& [id, job] : turn.state.reverts) {
        busy = busy || job.asked;
        if (turn.state.releases.at(id).key == key) mine.push_back(id);
    }
    for (const auto& id : mine) {
        auto& job = turn.state.reverts.at(id);
        if (job.asked || turn.state.fenced) continue;
        auto& release = turn.state.releases.at(id);
        if (is_answered_by_wish(turn, release)) continue;
        if (!turn.state.git_hold.empty()) continue;  // nothing can be built on such a tip
        if (turn.now < job.again_at) {
            turn.wake(key, job.again_at);
            continue;
        }
        if (busy) continue;  // looked at again when that one's answer has come
        busy = job.asked = true;
        turn.ask(Revert{request_of(release, job)});
    }
}

}  // namespace tidegate::engine
