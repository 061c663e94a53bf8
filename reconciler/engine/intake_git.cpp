#include "reconciler/engine/ask.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/intake.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/recall.h"
#include "schema/base/utf8.h"

namespace tidegate::engine {
namespace {

/// Empty: it is there, or Git could not be asked.
std::string why_gone(const Result<Answer>& answer) {
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
        settle(job.inquiry);
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
};

void put_off(Turn& turn, Release& release, RevertJob& job, const Error& why) {
    job.prepared.clear();
    const bool lost_race = why.code == ErrorCode::conflict && job.inquiry.failures == 0;
    put_off(turn, job.inquiry, lost_race);
    release.revert_note = one_line(why.text());
    if (turn.state.reverting == release.id) turn.state.reverting.clear();
}

/// Takes the answer, unless its question is not asked, or asked anew, any more.
struct Taker {
    Turn& turn;
    const Answered& event;

    void operator()(const RevertRequest& asked) {
        const auto found = turn.state.releases.find(asked.release);
        const auto job = turn.state.reverts.find(asked.release);
        if (found == turn.state.releases.end() || job == turn.state.reverts.end()) return;
        if (job->second.inquiry.id != event.id) return;
        auto& release = found->second;
        if (const auto* done = answer(asked))
            std::visit(RevertOutcome{turn, release, job->second}, done->outcome);
        else
            put_off(turn, release, job->second, event.answer.error());
        turn.save(release);
        turn.touch(release.key);
        turn.pass_revert_on();
    }
    void operator()(const LoadDefinition& asked) {
        const auto known = turn.state.assignments.find(asked.key);
        if (known == turn.state.assignments.end()) return;
        auto& assignment = known->second;
        const auto found = assignment.loading.find(asked.commit);
        if (found == assignment.loading.end() || found->second.inquiry.id != event.id) return;
        turn.touch(asked.key);
        const auto* definition = answer(asked);
        if (definition && *definition) {
            assignment.definitions[(*definition)->digest] = *definition;
            note_absent(turn, assignment, **definition);
        }
        found->second.gone = why_gone(event.answer);
        put_off(turn, found->second.inquiry);  // forgotten if it is the one that is needed
    }
    void operator()(const FindLastGood& asked) {
        const auto known = turn.state.assignments.find(asked.key);
        if (known == turn.state.assignments.end()) return;
        auto& assignment = known->second;
        turn.touch(asked.key);
        if (assignment.recalled || assignment.recalling.id != event.id) return;
        const auto* good = answer(asked);
        if (!good) return put_off(turn, assignment.recalling);
        settle(assignment.recalling);
        if (*good) turn.put(GoodState{asked.key, **good, false, ""});
        finish_recall(turn, asked.key);
    }
    template <typename Asked>
    [[nodiscard]] const typename Asked::Answer* answer(const Asked&) const {
        return event.answer ? std::get_if<typename Asked::Answer>(&*event.answer) : nullptr;
    }
};

}  // namespace

void take(Turn& turn, const Answered& event) {
    const auto asked = turn.state.questions.extract(event.id);
    if (!asked.empty()) std::visit(Taker{turn, event}, asked.mapped());
}

void take(Turn& turn, const Woke&) {
    for (const auto& key : turn.state.alarms.due(turn.now)) turn.touch(key);
    for (const auto& key : turn.state.lived_alarms.due(turn.lived)) turn.touch(key);
    turn.state.wake.reset();
    turn.state.lived_wake.reset();
}

}  // namespace tidegate::engine
