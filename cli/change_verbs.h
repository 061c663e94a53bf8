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
/// Raises `retry`.
int retry(const Console& console, const ChangeOptions& options, Timestamp now);

struct PinOptions {
    ChangeOptions change;
    std::string target;
    std::string version;
    bool remove = false;
};
int pin(const Console& console, const PinOptions& options, Timestamp now);

}  // namespace tidegate::cli
