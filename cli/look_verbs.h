#pragma once
/// The verbs that show what the daemon's status endpoint says.

#include "cli/console.h"

namespace tidegate::cli {

/// All assignments, the config repo's state, active releases.
int status(const Console& console, const std::string& server);

struct HistoryOptions {
    std::string server;
    std::string project;  ///< empty = all
    std::string environment;
};
/// Releases, the newest first.
int history(const Console& console, const HistoryOptions& options);

struct LogsOptions {
    std::string server;
    std::string release;
    std::string target;  ///< empty = all
    bool full = false;   ///< each action's whole log instead of the tasks' tails
};
/// What each task of a release printed last. kProblem for a target that the release does not have.
int logs(const Console& console, const LogsOptions& options);

/// Prints a line per change of an assignment until interrupted; JSON: one object per line.
/// The stream has no end of its own: that it ended is kUnreachable.
int watch(const Console& console, const std::string& server);

}  // namespace tidegate::cli
