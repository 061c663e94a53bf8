#pragma once
/// Keeps a process and all that it starts from one folder, whoever they are (landlock(7)). By
/// system call and with constants of our own: Debian 12's headers lack the newer rights.
///
/// Landlock can only allow, and only whole trees: everything beside the folder is allowed, on every
/// level above it. So where the process could make new entries above the folder it may not any
/// more, and what others make there later it cannot use; names can be listed everywhere.

#include <string>

#include "agent/drivers/file_descriptor.h"
#include "schema/base/result.h"

namespace tidegate::agent {

/// Whether the kernel can do it, and has it enabled.
[[nodiscard]] bool has_landlock();

/// For one process each, made shortly before it starts. `folder`: absolute, without links.
[[nodiscard]] Result<FileDescriptor> all_but(const std::string& folder);

/// Binds the calling process, which must have given up new privileges, for good; one system call.
[[nodiscard]] bool enforce(int ruleset);

}  // namespace tidegate::agent
