#pragma once
/// What a step does without targets whose agents are away.

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// Its agent is away for good: the release does without it.
void skip_offline(Turn& turn, Release& release, const DesiredTarget& target);

/// For one look: nobody comes or goes in it, so what was passed over is not looked at again, and
/// thousands of steps whose picks are away cost one pass over the targets.
class Substitutes {
public:
    Substitutes(Turn& turn, Release& release);

    /// Picks that went offline are replaced by online ones of later steps; with nobody to replace
    /// them they are skipped, or wait (`offline: wait`, or nothing verified yet): then with a hold.
    void replace(Step& step, DeployWork& work, std::vector<Hold>& holds);

private:
    [[nodiscard]] std::vector<std::string> find_offline(const DeployWork& work,
                                                        std::vector<Hold>& holds);
    [[nodiscard]] std::vector<std::string> take(const Step& step, std::size_t count);
    [[nodiscard]] bool is_free(const std::string& name) const;

    Turn& turn_;
    Release& release_;
    const AssignmentState& assignment_;
    bool any_verified_;
    bool may_swap_;
    std::size_t next_ = 0;  ///< the first step that may have one
};

}  // namespace tidegate::engine
