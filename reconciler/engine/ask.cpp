#include "reconciler/engine/ask.h"

#include "reconciler/engine/back_off.h"

namespace tidegate::engine {

bool is_to_ask(Turn& turn, const AssignmentKey& key, const Inquiry& inquiry) {
    if (turn.lived >= inquiry.again_at) return true;
    turn.wake(key, inquiry.again_at);
    return false;
}

void ask(Turn& turn, const AssignmentKey& key, Inquiry& inquiry, Question question) {
    turn.state.questions.erase(inquiry.id);
    inquiry.id = ++turn.state.last_ask;
    inquiry.again_at = turn.lived + limits::kAnswerWithin;
    turn.wake(key, inquiry.again_at);
    turn.state.questions.emplace(inquiry.id, question);
    turn.ask(Ask{inquiry.id, std::move(question)});
}

void settle(Inquiry& inquiry) {
    inquiry.id = 0;
    inquiry.again_at = {};
}

void put_off(const Turn& turn, Inquiry& inquiry, bool at_once) {
    inquiry.id = 0;
    ++inquiry.failures;
    inquiry.again_at = turn.lived + (at_once ? Seconds{0} : until_asked_again(inquiry.failures));
}

}  // namespace tidegate::engine
