#include "reconciler/engine/back_off.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/intake.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/recall.h"
#include "schema/base/utf8.h"

namespace tidegate::engine {
namespace {

/// Empty: it is there, or Git could not be asked.
std::string why_gone(const Result<DefinitionPtr>& answer) {
    if (answer) return "another definition is there";  // or it is not asked for again
    const auto code = answer.error().code;
    const bool for_good = code == ErrorCode::not_found || code == ErrorCode::invalid;
    return for_good ? answer.error().text() : "";
}

/// Agents of former builds report a last good state without saying that it is "absent".
void note_absent(Turn& turn, const AssignmentState& assignment, const Definition& definition) {
    if (!assignment.good || assignment.good->good.digest != definition.digest ||
        assignment.good->good.absent == definition.absent)
        return;
    auto good = *assignment.good;
    good.good.absent = definition.absent;
    turn.put(good);
}

struct RevertOutcome {
    Turn& turn;
    Release& release;
    RevertJob& job;

    void operator()(const RevertDone::Prepared& prepared) {
        release.revert_commit = prepared.commit;
        turn.put(OwnRevert{release.id, prepared.commit, turn.now});
        job.asked = false;
        job.prepared = prepared.commit;
        turn.audit("revert.prepared", release.key.text(), prepared.commit,
                   json_object({{"release", release.id}}));
    }
    void operator()(const RevertDone::Pushed& pushed) {
        release.revert_commit = pushed.commit;
        finish_revert(turn, release, RevertState::pushed, "");
        turn.notify(NoticeKind::revert_pushed, release.key, release.id,
                    fmt::format("{}: pushed {}, which takes {} back", release.key.text(),
                                pushed.commit.substr(0, 12), release.to));
    }
    void operator()(const RevertDone::Branched& branched) {
        if (!branched.commit.empty()) turn.put(OwnRevert{release.id, branched.commit, turn.now});
        finish_revert(turn, release, RevertState::branched, branched.branch);
        turn.notify(NoticeKind::revert_needs_merge, release.key, release.id,
                    fmt::format("{}: the revert waits on branch {} for a merge", release.key.text(),
                                branched.branch));
    }
    void operator()(const RevertDone::NotNeeded& not_needed) {
        finish_revert(turn, release, RevertState::not_needed, not_needed.why);
    }
    void operator()(const RevertDone::Failed& failed) {
        job.asked = false;
        job.prepared.clear();
        ++job.failures;
        const bool lost_race = failed.error.code == ErrorCode::conflict && job.failures == 1;
        job.again_at = turn.lived + (lost_race ? Seconds{0} : until_asked_again(job.failures));
        release.revert_note = one_line(failed.error.text());
        if (turn.state.reverting == release.id) turn.state.reverting.clear();
    }
};

}  // namespace

void take(Turn& turn, const RevertDone& event) {
    const auto found = turn.state.releases.find(event.release);
    const auto job = turn.state.reverts.find(event.release);
    if (found == turn.state.releases.end() || job == turn.state.reverts.end()) return;
    auto& release = found->second;
    std::visit(RevertOutcome{turn, release, job->second}, event.outcome);
    turn.save(release);
    turn.touch(release.key);
    turn.pass_revert_on();
}

void take(Turn& turn, const DefinitionLoaded& event) {
    const auto known = turn.state.assignments.find(event.key);
    if (known == turn.state.assignments.end()) return;
    auto& assignment = known->second;
    const auto asked = assignment.loading.find(event.commit);
    if (asked == assignment.loading.end()) return;
    turn.touch(event.key);
    if (event.definition && *event.definition) {
        assignment.definitions[(*event.definition)->digest] = *event.definition;
        note_absent(turn, assignment, **event.definition);
    }
    ++asked->second.failures;
    asked->second.answered = true;
    asked->second.gone = why_gone(event.definition);
    asked->second.again_at = turn.lived + until_asked_again(asked->second.failures);
}

void take(Turn& turn, const LastGoodFound& event) {
    const auto known = turn.state.assignments.find(event.key);
    if (known == turn.state.assignments.end()) return;
    auto& assignment = known->second;
    turn.touch(event.key);
    if (assignment.recalled || !assignment.good_asked) return;
    if (event.good) turn.put(GoodState{event.key, *event.good, false, ""});
    finish_recall(turn, event.key);
}

void take(Turn& turn, const Woke&) {
    for (const auto& key : turn.state.alarms.due(turn.now)) turn.touch(key);
    for (const auto& key : turn.state.lived_alarms.due(turn.lived)) turn.touch(key);
    turn.state.wake.reset();
    turn.state.lived_wake.reset();
}

}  // namespace tidegate::engine
