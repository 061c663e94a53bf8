#pragma once
/// Keeps the promise that all Persist effects of an engine step are durable before any other
/// effect of that step, or of a later one, starts (design, section 2).

#include <chrono>
#include <deque>
#include <functional>

#include "reconciler/engine/effect.h"
#include "reconciler/store/worker.h"

namespace tidegate::daemon {

/// Loop thread only; the worker's answers must be posted there by `submit`.
///
/// A full disk or a full queue is waited out: effects stay where they are and the batch is tried
/// again, so nothing happens that is not on disk. Every other failure is final: `on_failure`, after
/// which the daemon has to stop and start from what the disk really holds.
class EffectQueue {
public:
    using Submit = std::function<void(Batch, StoreWorker::Done)>;
    using Perform = std::function<void(engine::Effect&)>;
    using Later = std::function<void(std::function<void()>)>;  ///< runs it in about a second
    using Failure = std::function<void(const Error&)>;

    EffectQueue(Submit submit, Perform perform, Later later, Failure on_failure)
        : submit_{std::move(submit)},
          perform_{std::move(perform)},
          later_{std::move(later)},
          on_failure_{std::move(on_failure)} {}

    /// The effects of one engine step. Runs them now when nothing waits and nothing is persisted.
    void push(engine::Effects effects);
    /// Any work that must come after what was pushed so far is durable.
    void push(Batch batch, std::function<void()> then);

    /// Steps whose batch is not durable yet; a gauge.
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
    /// Why the store does not take batches at the moment; empty when it does.
    [[nodiscard]] const std::string& trouble() const { return trouble_; }

private:
    struct Step {
        Batch batch;
        engine::Effects effects;
        std::function<void()> then;
    };

    void enqueue(Step step);
    /// One transaction at a time: order is kept even when the store is in trouble. What has come
    /// meanwhile becomes the next one, whole.
    void pump();
    [[nodiscard]] Batch merge_waiting();
    void answered(const Result<CommitOutcome>& outcome);
    void perform_front();

    Submit submit_;
    Perform perform_;
    Later later_;
    Failure on_failure_;
    std::deque<Step> waiting_;
    std::size_t in_flight_ = 0;  ///< steps at the front whose batch the store has
    bool pumping_ = false;
    bool failed_ = false;
    std::string trouble_;
};

}  // namespace tidegate::daemon
