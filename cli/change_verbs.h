#pragma once
/// The verbs that change what is desired. Each writes one commit that touches one version file.

#include "cli/change.h"
#include "cli/console.h"

namespace tidegate::cli {

struct ChangeOptions {
    RemoteOptions where;
    AssignmentKey key;
    std::string reason;
};

struct RollbackOptions {
    ChangeOptions change;
    std::string to;  ///< empty = the version before, see `find_former`
};
/// Puts the version file back as it was at a former version.
int roll_back(const Console& console, const RollbackOptions& options, Timestamp now);
/// `paused: true`.
int pause(const Console& console, const ChangeOptions& options, Timestamp now);
int resume(const Console& console, const ChangeOptions& options, Timestamp now);
/// Raises `retry`, and takes a promote away: that spoke of the try before.
int retry(const Console& console, const ChangeOptions& options, Timestamp now);

struct PromoteOptions {
    ChangeOptions change;
    int step = 0;  ///< past that entry of the strategy; 0 beside `full`
    bool full = false;
};
/// Lets the release of the version that the file names go on.
int promote(const Console& console, const PromoteOptions& options, Timestamp now);

struct PinOptions {
    ChangeOptions change;
    std::string target;
    std::string version;
    bool remove = false;
};
int pin(const Console& console, const PinOptions& options, Timestamp now);

}  // namespace tidegate::cli
