#include "reconciler/engine/trouble.h"

#include "reconciler/engine/admission.h"
#include "reconciler/engine/back_off.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/release_machine.h"
#include "schema/base/limits.h"
#include "schema/base/utf8.h"

namespace tidegate::engine {
namespace {

void set_wait(const Turn& turn, HostTrouble& trouble, Milliseconds time) {
    trouble.until = turn.lived + time;
    trouble.tried_again_at = turn.wall(trouble.until);
}

}  // namespace

void note_trouble(Turn& turn, const Release& release, const std::string& agent,
                  const std::string& target, const std::string& version,
                  const std::string& reason) {
    auto [found, is_new] = turn.state.troubles.try_emplace(key_of(release.key, target));
    auto& trouble = found->second;
    trouble.project = release.key.project;
    trouble.agent = agent;
    trouble.reason = one_line(tidegate::head_of(reason, limits::kAgentWordBytesMax));
    if (is_new) trouble.since = turn.now;
    set_wait(turn, trouble, until_asked_again(++trouble.tries));
    turn.touch_target(target);
    if (!is_new) return;
    turn.notify_of(agent, NoticeKind::host_trouble, release.key, release.id,
                   fmt::format("{}: {} cannot have {}: {}; it counts as away, nothing ran",
                               release.key.text(), target, version, trouble.reason));
}

void take_trouble(Turn& turn, const OutboxEntry& entry, const ActionResult& result) {
    auto& release = turn.state.releases.at(entry.action.release);
    note_trouble(turn, release, entry.agent, entry.action.key.target, entry.action.version,
                 result.host_trouble);
    auto& progress = release.targets.at(entry.action.key.target);
    if (progress.action != result.id) return;
    progress.error = turn.state.troubles.at(place_of(entry.action.key)).reason;
    if (entry.restore) {
        progress.status = TargetStatus::failed;  // to be restored, as before
    } else {
        progress.status =
            is_final(release.status) ? TargetStatus::cancelled : TargetStatus::waiting;
        progress.action.clear();
        progress.started_at.reset();
        turn.state.assignments.at(release.key).targets_changed = true;
        take_admission_back(turn, release, entry.action.step);
    }
    turn.save(release, progress);
}

void clear_trouble(Turn& turn, const InstallKey& key) {
    if (turn.state.troubles.erase(key) > 0) turn.touch_target(key.target);
}

void end_wait(Turn& turn, const InstallKey& key) {
    const auto found = turn.state.troubles.find(key);
    if (found == turn.state.troubles.end()) return;
    found->second.tries = 0;
    set_wait(turn, found->second, Milliseconds{0});
    turn.touch_target(key.target);
}

void clear_troubles_of(Turn& turn, const std::string& agent) {
    std::erase_if(turn.state.troubles, [&](const auto& known) {
        if (known.second.agent != agent) return false;
        turn.touch_target(known.first.target);
        return true;
    });
}

void show_troubles(Turn& turn, const AssignmentKey& key) {
    std::vector<Hold> holds;
    std::vector<InstallKey> past;
    const auto& wish = turn.state.assignments.at(key).wish;
    if (!wish || turn.state.troubles.empty()) return;
    for (const auto& target : wish->targets) {
        const auto install = key_of(key, target.name);
        const auto found = turn.state.troubles.find(install);
        if (found == turn.state.troubles.end() || turn.state.outbox_by_key.contains(install))
            continue;
        const auto& trouble = found->second;
        const auto forgotten_at = trouble.until + limits::kAskAgainMax;
        if (turn.lived < trouble.until)
            holds.push_back({"host", fmt::format("{}: {}", install.target, trouble.reason),
                             trouble.tried_again_at});
        if (turn.lived >= forgotten_at)
            past.push_back(install);
        else
            turn.wake(key, turn.lived < trouble.until ? trouble.until : forgotten_at);
    }
    for (const auto& install : past) clear_trouble(turn, install);
    add_holds(turn, key, holds);
}

bool waits_for_hosts(const Turn& turn, const Release& release) {
    if (turn.state.troubles.empty() || has_in_flight(turn, release)) return false;
    bool waits = false;
    for (const auto& [name, progress] : release.targets) {
        if (progress.status != TargetStatus::waiting) continue;
        const auto* trouble = trouble_at(turn.state, key_of(release.key, name), turn.lived);
        if (!trouble) return false;
        waits = true;
    }
    return waits;
}

}  // namespace tidegate::engine
