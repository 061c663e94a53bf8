#pragma once
/// What simulated worlds went through, so that a run can say what it has tried.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "reconciler/engine/effect.h"
#include "reconciler/engine/state.h"

namespace tidegate::simulation {

struct Counts {
    std::uint64_t worlds = 0;
    std::uint64_t actions = 0;  ///< that began on a host
    Milliseconds simulated{0};
    std::map<std::string, std::uint64_t> began;    ///< releases, by kind
    std::map<std::string, std::uint64_t> ended;    ///< releases, by status
    std::map<std::string, std::uint64_t> steps;    ///< that were passed, by kind
    std::map<std::string, std::uint64_t> rolled;   ///< rollbacks, by the kind of the step they met
    std::map<std::string, std::uint64_t> faults;   ///< by kind
    std::map<std::string, std::uint64_t> commits;  ///< what people did, by kind

    void add(const Counts& other);
    [[nodiscard]] std::uint64_t releases() const;
    /// For people: a few lines.
    [[nodiscard]] std::string text() const;
};

/// Counts along with one world.
class Counter {
public:
    /// A line of the world's log, without its time.
    void on_note(std::string_view line);
    void after_step(const engine::State& state, const engine::Effects& effects);

    Counts counts;

private:
    void take(const Release& release);

    std::map<std::string, ReleaseStatus> releases_;  ///< as last seen, by id
    std::map<std::string, int> passed_;              ///< by release: steps below are counted
};

}  // namespace tidegate::simulation
