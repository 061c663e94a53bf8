#pragma once
/// Which scripts of which actions run right now: one file each, named by the run's marker, locked
/// (flock) for as long as its supervisor answers for it. What is in the register and not locked
/// belongs to a supervisor that was killed. Gone after a good end: what such a script left is meant
/// to stay. Lets the next agent process end what this one left, parallel tasks and looks included.

#include <string>
#include <vector>

#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/files/file_descriptor.h"

namespace tidegate::agent {

/// A run's place in the register. The lock goes with the descriptor to whoever inherits it.
class RunEntry {
public:
    RunEntry() = default;
    /// An empty `run_dir` = a place that is nowhere.
    [[nodiscard]] static Result<RunEntry> make(const std::string& run_dir,
                                               const std::string& action,
                                               const std::string& marker);
    RunEntry(RunEntry&&) = default;
    RunEntry& operator=(RunEntry&&) = default;

    [[nodiscard]] int descriptor() const { return file_.get(); }
    [[nodiscard]] const std::string& path() const { return path_; }
    /// Takes it out: there is nothing to answer for.
    void remove();

private:
    std::string path_;
    FileDescriptor file_;
};

/// The calling process answers for the run that the inherited descriptor belongs to.
void answer_for_entry(int descriptor);

/// The runs that a former agent process left. Used by any thread, one call at a time per action.
class FormerRuns {
public:
    /// Tells all of them to end (they take up to their grace for it) and returns at once.
    [[nodiscard]] static FormerRuns end_all(const std::string& run_dir);

    /// Waits for those of the action, and ends what a killed supervisor left of them. False: some
    /// could not be ended in that time.
    [[nodiscard]] bool await(const std::string& action, const std::string& cgroup,
                             Milliseconds at_most) const;

private:
    struct Run {
        std::string action;
        std::string marker;
        std::string path;
    };
    std::vector<Run> runs_;
};

}  // namespace tidegate::agent
