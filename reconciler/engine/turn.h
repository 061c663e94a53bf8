#pragma once
/// One call of step(): the state, the time, and what has to be written and done because of it.
/// Collects; `finish` puts the effects in order. Lives for one event.

#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "reconciler/engine/effect.h"
#include "reconciler/engine/state.h"

namespace tidegate::engine {

class Turn {
public:
    Turn(State& state_in, const Clocks& clocks);

    State& state;
    const Timestamp now;  ///< the wall clock: for people, and for what people wrote
    const Lived lived;    ///< for all that somebody is given time for

    /// To be looked at (and published) in this turn.
    void touch(const AssignmentKey& key) {
        touched_.insert(key);
        unseen_.insert(key);
    }
    /// The next one to look at; touched again, it comes again.
    [[nodiscard]] std::optional<AssignmentKey> next_unseen();
    /// Those whose wished targets this agent serves, or that have an action there.
    void touch_agent(const std::string& agent);
    /// Who wishes something there, or did while it is there.
    void touch_owner(const InstallKey& install);
    void touch_targets_of(const std::string& agent);
    /// Touched, but to be looked at and shown later.
    void postpone(const AssignmentKey& key, Timestamp at);
    void touch_target(const std::string& target) { targets_.insert(target); }
    [[nodiscard]] const std::set<AssignmentKey>& touched() const { return touched_; }

    /// The release's head changed: persisted and published at the end of the turn. Steps and
    /// targets have rows of their own, so that an outcome costs the same however many there are.
    void save(const Release& release) { changes_[release.id].head = true; }
    void save(const Release& release, const Step& step) {
        changes_[release.id].steps.insert(step.index);
    }
    void save(const Release& release, const TargetProgress& progress) {
        changes_[release.id].targets.insert(progress.name);
    }
    void save_whole(const Release& release);
    /// Published only: progress that may be lost.
    void show(const Release& release, const TargetProgress& progress) {
        changes_[release.id].shown.insert(progress.name);
    }
    void drop(const std::string& id);
    /// Of this release: whether it was made or not, another one's turn may come.
    void end_revert(const std::string& release);
    /// Whose turn it is then is found once per step, when all is looked at: one commit may end
    /// thousands.
    void pass_revert_on() { revert_passes_on_ = true; }
    [[nodiscard]] bool take_revert_pass() { return std::exchange(revert_passes_on_, false); }
    void put(const OutboxEntry& entry);
    void erase_outbox(const std::string& action);
    /// It may be sent more than before.
    void free_place(const std::string& agent) { freed_.insert(agent); }
    [[nodiscard]] const std::set<std::string>& freed() const { return freed_; }
    /// Whether one more of that line may be looked at in this step; `length` as of now.
    [[nodiscard]] bool take_place(const std::pair<std::string, bool>& line, std::size_t length) {
        return places_.try_emplace(line, static_cast<std::ptrdiff_t>(length)).first->second-- > 0;
    }
    void put(const Quarantine& quarantine);
    void erase_quarantine(const AssignmentKey& key, const Digest& digest);
    void put(const Block& block);
    void erase_block(const InstallKey& key);
    void put(const GoodState& good);
    /// Replaces that of a former try, which was not pushed. Beyond kRevertsRemembered the oldest
    /// go.
    void put(const OwnRevert& revert);
    void erase_good(const AssignmentKey& key);
    void put(const Sides& sides);
    void erase_sides(const AssignmentKey& key);
    /// A hint of what an agent reported.
    void put(const std::string& agent, const Installation& installation);
    void erase_installation(const std::string& agent, const InstallKey& key);

    void audit(std::string kind, std::string subject, std::string commit, std::string detail,
               std::string actor = "tidegated");
    void notify(NoticeKind kind, const AssignmentKey& key, const std::string& release,
                std::string text);
    /// The same for what `agent` can repeat as often as it likes: limits::kLinesPerAgentMax a
    /// minute. The state has it all the same.
    void notify_of(const std::string& agent, NoticeKind kind, const AssignmentKey& key,
                   const std::string& release, std::string text);
    void send(const std::string& agent, decltype(Send::message) message);
    /// This outcome is taken in, or not wanted.
    void acknowledge(const std::string& agent, const std::string& action) {
        acknowledged_[agent].push_back(action);
    }
    void ask(Ask question) { effects_.push_back(std::move(question)); }

    /// Looks at `key` again at that time at the latest; forget_wake first clears older wishes.
    void forget_wake(const AssignmentKey& key);
    void wake(const AssignmentKey& key, Timestamp at);
    void wake(const AssignmentKey& key, Lived at);
    /// As people are told it.
    [[nodiscard]] Timestamp wall(Lived at) const { return wall_time(state, at); }

    [[nodiscard]] Effects finish();

private:
    struct Changed {
        bool head = false;
        std::set<int> steps;
        std::set<std::string> targets;
        std::set<std::string> shown;
    };
    template <class Row>
    void write(Table table, std::string key, const Row& row);
    void drop_older(const std::string& agent, const Route& newer);
    void write_releases();
    void write_life();
    void send_acknowledgements();
    [[nodiscard]] std::optional<WakeAt> next_wake();
    [[nodiscard]] Publish publication();
    [[nodiscard]] Publish imagined_publication() const;

    Batch batch_;
    std::deque<Effect> effects_;  ///< large ones, and many: where they are they stay
    std::set<AssignmentKey> touched_;
    std::set<AssignmentKey> unseen_;
    std::set<std::string> targets_;
    std::map<std::string, std::vector<std::string>> acknowledged_;  ///< by agent
    std::map<std::string, Changed> changes_;                        ///< by release id
    std::vector<std::string> dropped_;
    std::set<std::string> freed_;
    std::set<std::tuple<std::string, AssignmentKey, std::string>> routed_;  ///< in this step
    std::map<std::pair<std::string, bool>, std::ptrdiff_t> places_;
    bool revert_passes_on_ = false;
};

/// `{"k":"v",…}` for audit details.
[[nodiscard]] std::string json_object(
    std::initializer_list<std::pair<std::string, std::string>> pairs);

}  // namespace tidegate::engine
