#pragma once
/// The operating-system user as whom scripts run.

#include <sys/types.h>

#include <string>
#include <vector>

#include "schema/base/result.h"

namespace tidegate::agent {

struct ProcessUser {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
    std::string home;
};

/// From the host's user database; not_found if there is no such user.
[[nodiscard]] Result<ProcessUser> find_user(const std::string& name);

/// Makes the calling thread act as that user for good; for a process of its own. Bare system calls,
/// so it may stand between fork and exec. False: not allowed.
[[nodiscard]] bool become_user(const ProcessUser& user);

/// The topmost folder that the user may not pass through on the way to (and in) this one; empty
/// when there is none. Needs root; asks in a process of its own.
[[nodiscard]] Result<std::string> closed_folder(const ProcessUser& user, const std::string& path);

}  // namespace tidegate::agent
