#pragma once
/// What a verify makes of its checks' tries: when each is due, and the verdict. It runs none and
/// sees no clock: times are counted from the watch's begin.
///
/// Each check is tried at once, then `interval` after each try, and once more when the time is up.
/// More than `retry` bad tries in a row are a bad verdict; a good one starts that count anew. The
/// verdict is good once the time is up, every check has passed (`success_threshold` good tries in a
/// row) and the last try of each was good: what is failing as time is up is settled first.
///
///     watch_for 60 s, interval 25 s, retry 1, tries that take no time:
///         0 good, 25 good, 50 good, 60 good           good after 60 s
///         0 good, 25 good, 50 bad,  75 good           good after 75 s
///         0 good, 25 bad,  50 bad                     bad after 50 s

#include <string>
#include <vector>

#include "agent/tasks/health_check.h"
#include "schema/model/agent.h"

namespace tidegate::agent {

struct WatchedCheck {
    std::string stage;  ///< as in results: post_release, verify
    std::string name;
    HealthCheck check;  ///< expanded
};

/// What an action of kind verify checks: the health_check tasks of post_release, then the
/// strategy's checks.
[[nodiscard]] std::vector<WatchedCheck> watched_checks(const Pipeline& pipeline,
                                                       const std::vector<HealthCheck>& verify);

enum class WatchState { goes_on, good, bad };

/// Not thread-safe.
class Watch {
public:
    /// Without checks it is bad from the beginning.
    Watch(std::vector<WatchedCheck> checks, Milliseconds watch_for);

    [[nodiscard]] std::size_t size() const { return checks_.size(); }
    [[nodiscard]] const WatchedCheck& check(std::size_t at) const { return checks_.at(at).what; }
    /// When its next try begins.
    [[nodiscard]] Milliseconds due(std::size_t at) const { return checks_.at(at).due; }

    /// A try of that check begins, at the host's clock.
    void begins(std::size_t at, Timestamp clock);
    /// And has ended, at `ended` of this watch. Not to be told of a try that was cut short.
    void tried(std::size_t at, CheckOutcome outcome, Milliseconds ended, Timestamp clock);

    [[nodiscard]] WatchState state() const { return state_; }
    /// `post_release/smoke: http://… answered 500, wanted 2xx or 3xx (4 tries in a row failed, 37
    /// were good before)`. Where it goes on: the first check that has not passed, or whose last try
    /// was bad; empty if there is none.
    [[nodiscard]] std::string error() const;
    /// That check's last try could not begin, for the host lacks something.
    [[nodiscard]] bool is_host_trouble() const;
    /// All of them were tried.
    [[nodiscard]] bool all_tried() const;
    /// How much of the time is over, 0..99.
    [[nodiscard]] int progress(Milliseconds elapsed) const;
    /// For the result: who was in the middle of something is `cancelled`.
    [[nodiscard]] std::vector<StageResult> stages() const;

private:
    struct Checked {
        WatchedCheck what;
        Milliseconds due{0};
        bool passed = false;
        bool settled = false;  ///< passed, and good when the time was up
        int good_in_a_row = 0;
        int good = 0;
        CheckOutcome last;  ///< output only of a bad one
        int bad_in_a_row = 0;
        std::optional<Timestamp> began;
        std::optional<Timestamp> ended;
    };
    [[nodiscard]] const Checked* worst() const;
    [[nodiscard]] static std::string error_of(const Checked& checked);
    [[nodiscard]] TaskResult result_of(const Checked& checked) const;

    Milliseconds watch_for_;
    WatchState state_;
    std::vector<Checked> checks_;
};

}  // namespace tidegate::agent
