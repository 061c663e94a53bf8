#pragma once
/// Agents as the forecast imagines them: each runs what it is sent, takes as long as such actions
/// took before, and succeeds, unless a failure was asked for. No code of the real agent.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reconciler/engine/event.h"
#include "schema/base/limits.h"
#include "schema/model/slots.h"

namespace tidegate::forecast {

/// One agent as it is now.
struct AgentNow {
    std::string name;
    bool online = true;
    std::vector<Installation> installations;
    std::vector<RouteReport> routes{};
};

/// How long actions take.
class Durations {
public:
    void learn(const std::string& project, ActionKind kind, Milliseconds median) {
        learnt_[{project, kind}] = median;
    }
    /// limits::kForecastDuration where nobody has seen one yet.
    [[nodiscard]] Milliseconds of(const std::string& project, ActionKind kind) const;
    [[nodiscard]] bool knows(const std::string& project, ActionKind kind) const {
        return learnt_.contains({project, kind});
    }

private:
    std::map<std::pair<std::string, ActionKind>, Milliseconds> learnt_;
};

/// How long it takes until a route is in force.
inline constexpr Milliseconds kRouteTakes{1'000};

/// What moves a target forward, or watches it, fails there, and so does what gives traffic to the
/// new side through a router; the way back succeeds.
struct Failure {
    std::string target;
    std::optional<int> step;              ///< only that step of a release; none: any
    std::optional<AssignmentKey> only{};  ///< of that assignment; none: any
};

class Fleet {
public:
    Fleet(std::vector<AgentNow> agents, Durations durations, std::vector<Failure> failures);

    /// What the engine is told first: all that are there, with all that they have.
    [[nodiscard]] std::vector<engine::AgentConnected> hellos() const;

    struct Ending {
        Milliseconds after;
        ActionResult result;
    };
    /// What becomes of an action that begins now.
    [[nodiscard]] Ending begin(const Action& action) const;
    /// What stands there once it has ended: completes the result.
    void end(const std::string& agent, const Action& action, ActionResult& result);
    /// What an agent says of a route that was set; `step`: of the release that it moves forward.
    [[nodiscard]] RouteReport set(const Route& route, std::optional<int> step) const;

private:
    [[nodiscard]] bool fails(const std::string& target, const AssignmentKey& key, int step) const;
    [[nodiscard]] bool fails(const Action& action) const;

    std::map<std::string, AgentNow> agents_;
    std::map<std::pair<std::string, InstallKey>, Installation> there_;  ///< by agent
    Durations durations_;
    std::vector<Failure> failures_;
    std::uint64_t report_ = 1'000'000'000;  ///< above what agents have told by now
};

}  // namespace tidegate::forecast
