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

}  // namespace tidegate::agent
