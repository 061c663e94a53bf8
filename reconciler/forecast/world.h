#pragma once
/// One run of the engine on a virtual clock. Private to this folder.

#include <deque>
#include <map>
#include <set>

#include "reconciler/engine/engine.h"
#include "reconciler/forecast/forecast.h"
#include "reconciler/forecast/recorder.h"

namespace tidegate::forecast {

class World {
public:
    World(const Start& start, const Surroundings& around);

    /// Until all is at rest, or the bounds are met. `head` null: base goes on.
    void run(const std::shared_ptr<const Desired>& head);

    [[nodiscard]] const engine::State& state() const { return state_; }
    [[nodiscard]] const Recorder& recorder() const { return recorder_; }
    [[nodiscard]] const std::vector<Promoted>& promotes() const { return promotes_; }
    [[nodiscard]] Cut cut() const { return cut_; }
    [[nodiscard]] Timestamp now() const { return clocks_.now; }
    [[nodiscard]] const Clocks& clocks() const { return clocks_; }

private:
    /// An action on its way to its end.
    struct Running {
        std::string agent;
        Action action;
        ActionResult result;
    };

    void feed(engine::Event event);
    void drain();
    void take(engine::Send& send);
    void take(const std::string& agent, const engine::SetRoute& set);
    void take(const engine::Ask& ask);
    void take(const engine::RevertRequest& asked, std::uint64_t id);
    void take_back(const engine::RevertRequest& asked);
    void begin(const std::string& agent, Action action);
    void cancel(const std::string& action);
    void finish_due();

    [[nodiscard]] std::optional<Timestamp> next_time() const;
    void go_to(Timestamp at);
    [[nodiscard]] bool is_at_rest() const;
    [[nodiscard]] bool is_at_rest(const AssignmentKey& key) const;
    [[nodiscard]] bool promote_waiting();
    [[nodiscard]] bool promote(const AssignmentKey& key, const Release& release, const Step& step);
    void wish(const AssignmentKey& key, AssignmentPtr assignment);
    [[nodiscard]] DefinitionPtr find_definition(const AssignmentKey& key, const LastGood& good);

    const Start& start_;
    const Surroundings& around_;
    Clocks clocks_;
    engine::State state_;
    Fleet fleet_;
    Recorder recorder_;
    std::shared_ptr<const Desired> desired_;  ///< in force now
    std::deque<engine::Event> events_;        ///< to be told now
    std::map<std::string, Running> running_;  ///< by action id
    std::set<std::pair<Timestamp, std::string>> ends_;
    std::multimap<Timestamp, engine::RouteTold> told_;  ///< of routers, and when
    std::set<AssignmentKey> looked_at_;  ///< by the last steps: who may wait for a promote
    std::vector<Promoted> promotes_;
    std::set<std::pair<std::string, int>> asked_;  ///< (release, step) of awaits that were promoted
    Cut cut_ = Cut::none;
};

}  // namespace tidegate::forecast
