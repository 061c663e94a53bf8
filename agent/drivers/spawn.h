#pragma once
/// The narrow place where a process becomes another: between vfork and exec only system calls.

#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/drivers/user.h"

namespace tidegate::agent {

/// Descriptors are borrowed.
struct Launch {
    std::vector<std::string> arguments;    ///< the first one is an absolute path
    std::vector<std::string> environment;  ///< NAME=value
    int work_dir = -1;                     ///< -1 = `/`
    std::vector<int> descriptors;          ///< become 0, 1, 2, …; at least these three
    int cgroup = -1;  ///< its cgroup.procs, open for writing; -1 = that of the caller
    const ProcessUser* user = nullptr;  ///< null = unchanged
    /// Nothing it executes gains rights by that (sudo, set-user-ID programs).
    bool no_new_privileges = false;
    int landlock = -1;  ///< a ruleset that binds it (landlock.h); needs no_new_privileges
};

/// Pid of the new process, leader of its own session; its parent is the caller. Waits until it has
/// got to its program; an error says what kept it from that (its user, its rights, the work dir).
/// Where the program itself cannot be executed, the process says so on descriptor 2 and exits 127.
[[nodiscard]] Result<pid_t> spawn(const Launch& launch);

}  // namespace tidegate::agent
