#pragma once
/// The narrow place where a process becomes another: between vfork and exec only system calls.

#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/drivers/user.h"

namespace tidegate::agent {

struct Launch {
    std::vector<std::string> arguments;    ///< the first one is an absolute path
    std::vector<std::string> environment;  ///< NAME=value
    int work_dir = -1;                     ///< -1 = `/`
    int input = -1;
    int output = -1;                    ///< stdout and stderr
    const ProcessUser* user = nullptr;  ///< null = unchanged
};

/// Pid of the new process, leader of its own session; its parent is the caller. If the program
/// cannot be executed, the process says so on `output` and exits with 127.
[[nodiscard]] Result<pid_t> spawn(const Launch& launch);

}  // namespace tidegate::agent
