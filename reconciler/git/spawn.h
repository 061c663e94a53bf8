#pragma once
/// Private to this folder: starting a program whose standard input and output are one socket.

#include <sys/types.h>

#include <string>
#include <vector>

#include "schema/base/result.h"
#include "schema/files/file_descriptor.h"

namespace tidegate::git {

struct Spawned {
    pid_t pid = -1;
    FileDescriptor socket;  ///< our end
};

struct SpawnOptions {
    std::vector<std::string> command;      ///< [0] is looked up in PATH
    std::vector<std::string> environment;  ///< all of it, `NAME=value`
    bool own_group = false;                ///< leads a process group, to be killed as one
    bool silent = false;                   ///< standard error goes nowhere; else it is inherited
};

/// The program inherits no descriptor but standard error.
[[nodiscard]] Result<Spawned> spawn(const SpawnOptions& options);

}  // namespace tidegate::git
