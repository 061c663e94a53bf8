#pragma once
/// Keeps the promise that all Persist effects of an engine step are durable before any other
/// effect of that step, or of a later one, starts (design, section 2).

#include <chrono>
#include <deque>
#include <functional>

#include "reconciler/engine/effect.h"
#include "reconciler/store/worker.h"
#include "schema/base/limits.h"

namespace tidegate::daemon {

/// Loop thread only; the worker's answers must be posted there by `submit`.
///
/// A full disk or a full queue is waited out: effects stay where they are and the batch is tried
/// again, so nothing happens that is not on disk. A store that does not answer for kSilenceMax is
/// in trouble as well, until it does. Every other failure is final: `on_failure`, after which the
/// daemon has to stop and start from what the disk really holds.
class EffectQueue {
public:
    static constexpr std::chrono::seconds kSilenceMax{5};

    struct Hooks {
        std::function<void(Batch, StoreWorker::Done)> submit;
        std::function<void(engine::Effect&)> perform;
        std::function<void(std::function<void()>)> later;  ///< runs it in about a second
        std::function<void(const Error&)> on_failure;
        std::function<void()> on_trouble;  ///< `trouble` became another
    };

    explicit EffectQueue(Hooks hooks) : hooks_{std::move(hooks)} {}

    /// The effects of one engine step. Runs them now when nothing waits and nothing is persisted.
    void push(engine::Effects effects);
    /// Any work that must come after what was pushed so far is durable.
    void push(Batch batch, std::function<void()> then);

    /// Steps that are not durable yet, and about what their batches take.
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
    [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }
    /// Whoever can wait should push no more. Nothing is refused here: what the engine has decided
    /// cannot be taken back.
    [[nodiscard]] bool full() const {
        return waiting() >= limits::kEffectStepsWaitingMax ||
               waiting_bytes() >= limits::kEffectBytesWaitingMax;
    }
    /// Why the store does not take batches at the moment; empty when it does.
    [[nodiscard]] const std::string& trouble() const { return trouble_; }

private:
    struct Step {
        Batch batch;
        engine::Effects effects;
        std::function<void()> then;
        std::size_t bytes = 0;  ///< of the batch
    };

    void enqueue(Step step);
    /// One transaction at a time: order is kept even when the store is in trouble. What has come
    /// meanwhile becomes the next one, whole.
    void pump();
    [[nodiscard]] Batch merge_waiting();
    void answered(const Result<CommitOutcome>& outcome);
    void perform_front();
    /// Looks about once a second, as long as the store has a batch, whether it is still the same.
    void watch();
    void set_trouble(const std::string& trouble);

    Hooks hooks_;
    std::deque<Step> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::size_t in_flight_ = 0;       ///< steps at the front whose batch the store has
    std::chrono::seconds silence_{};  ///< since the store got the batch
    bool watching_ = false;
    bool pumping_ = false;
    bool failed_ = false;
    std::string trouble_;
};

}  // namespace tidegate::daemon
