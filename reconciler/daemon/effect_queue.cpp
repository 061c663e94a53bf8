#include "reconciler/daemon/effect_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

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
    enqueue({std::move(batch), {}, std::move(then), 0});
}

void EffectQueue::enqueue(Step step) {
    if (failed_) return;
    if (is_empty(step.batch) && step.effects.empty() && !step.then) return;
    step.bytes = bytes_of(step.batch);
    waiting_bytes_ += step.bytes;
    waiting_.push_back(std::move(step));
    pump();
}

void EffectQueue::pump() {
    if (pumping_) return;
    pumping_ = true;
    while (!failed_ && in_flight_ == 0 && !waiting_.empty() && is_empty(waiting_.front().batch))
        perform_front();
    if (!failed_ && in_flight_ == 0 && !waiting_.empty()) {
        silence_ = {};
        hooks_.submit(merge_waiting(),
                      [this](Result<CommitOutcome> outcome) { answered(outcome); });
        watch();
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
        for (std::size_t i = 0; i < steps; ++i) {
            waiting_[i].batch = {};
            waiting_bytes_ -= std::exchange(waiting_[i].bytes, 0);
        }
        set_trouble("");
        pump();
        return;
    }
    if (!outcome && outcome.error().code == ErrorCode::exhausted) {
        in_flight_ = steps;
        set_trouble(outcome.error().message);
        hooks_.later([this] {
            in_flight_ = 0;
            pump();
        });
        return;
    }
    failed_ = true;
    hooks_.on_failure(outcome
                          ? Error{ErrorCode::internal, "the store lost the answer to a commit", {}}
                          : outcome.error());
}

void EffectQueue::watch() {
    if (std::exchange(watching_, true)) return;
    hooks_.later([this] {
        watching_ = false;
        if (failed_ || in_flight_ == 0) return;
        if (++silence_ == kSilenceMax)
            set_trouble(fmt::format("no answer to a write for {} s", kSilenceMax.count()));
        watch();
    });
}

void EffectQueue::set_trouble(const std::string& trouble) {
    if (std::exchange(trouble_, trouble) != trouble) hooks_.on_trouble();
}

void EffectQueue::perform_front() {
    auto ready = std::move(waiting_.front());
    waiting_.pop_front();
    for (auto& effect : ready.effects) hooks_.perform(effect);
    if (ready.then) ready.then();
}

}  // namespace tidegate::daemon
