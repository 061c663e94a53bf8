#include "reconciler/daemon/effect_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "schema/base/limits.h"

namespace tidegate::daemon {
namespace {

bool is_empty(const Batch& batch) { return batch.writes.empty() && batch.audit.empty(); }

void append(Batch& all, Batch& more) {
    std::ranges::move(more.writes, std::back_inserter(all.writes));
    std::ranges::move(more.audit, std::back_inserter(all.audit));
}

}  // namespace

void EffectQueue::push(engine::Effects effects) {
    Step step;
    for (auto& effect : effects) {
        if (auto* persist = std::get_if<engine::Persist>(&effect))
            append(step.batch, persist->batch);
        else
            step.effects.push_back(std::move(effect));
    }
    enqueue(std::move(step));
}

void EffectQueue::push(Batch batch, std::function<void()> then) {
    enqueue({std::move(batch), {}, std::move(then)});
}

void EffectQueue::enqueue(Step step) {
    if (failed_) return;
    waiting_.push_back(std::move(step));
    pump();
}

void EffectQueue::pump() {
    if (pumping_) return;
    pumping_ = true;
    while (!failed_ && in_flight_ == 0 && !waiting_.empty() && is_empty(waiting_.front().batch))
        perform_front();
    if (!failed_ && in_flight_ == 0 && !waiting_.empty()) {
        submit_(merge_waiting(), [this](Result<CommitOutcome> outcome) { answered(outcome); });
    }
    pumping_ = false;
}

Batch EffectQueue::merge_waiting() {
    Batch all;
    for (auto& step : waiting_) {
        const auto size = all.writes.size() + all.audit.size();
        if (in_flight_ > 0 && size + step.batch.writes.size() + step.batch.audit.size() >
                                  limits::kStoreMergedWritesMax)
            break;
        // Copied: a full disk asks for it again.
        auto copy = step.batch;
        append(all, copy);
        ++in_flight_;
    }
    return all;
}

void EffectQueue::answered(const Result<CommitOutcome>& outcome) {
    if (failed_) return;
    const auto steps = std::exchange(in_flight_, 0);
    if (outcome && *outcome == CommitOutcome::committed) {
        trouble_.clear();
        for (std::size_t i = 0; i < steps; ++i) waiting_[i].batch = {};
        pump();
        return;
    }
    if (!outcome && outcome.error().code == ErrorCode::exhausted) {
        trouble_ = outcome.error().message;
        in_flight_ = steps;
        later_([this] {
            in_flight_ = 0;
            pump();
        });
        return;
    }
    failed_ = true;
    on_failure_(outcome ? Error{ErrorCode::internal, "the store lost the answer to a commit", {}}
                        : outcome.error());
}

void EffectQueue::perform_front() {
    auto ready = std::move(waiting_.front());
    waiting_.pop_front();
    for (auto& effect : ready.effects) perform_(effect);
    if (ready.then) ready.then();
}

}  // namespace tidegate::daemon
