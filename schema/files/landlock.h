#pragma once
/// Walls within the file system, by Landlock (landlock(7)): for code that parses what strangers
/// wrote, and for scripts, under the user of all the rest. By system call and with constants of our
/// own: Debian 12's headers lack the newer rights. Linux 5.19 or newer; earlier ones cannot rename
/// between folders behind such a wall, as Git does.

#include <string>
#include <vector>

#include "schema/base/result.h"
#include "schema/files/file_descriptor.h"

namespace tidegate {

/// A file, or a folder with all below it. Links are followed when the wall is made, so a file that
/// is replaced later is another one, out of reach.
struct Reach {
    std::string path;
    bool write = false;  ///< also to make, change, rename and remove; else to read and list
};

/// Whether the kernel can do it, and has it enabled.
[[nodiscard]] bool has_landlock();

/// From here on the calling thread, and all that it starts, reach nothing but `allowed`, execute
/// nothing, and signal nobody who is not behind the same wall (Linux 6.12). What is open stays
/// open. For ever; further calls only narrow it. What is not there is left out.
/// Errors: `unavailable`: this kernel cannot.
[[nodiscard]] Result<void> confine(const std::vector<Reach>& allowed);

/// A wall around one folder, for `enforce`: the process, whoever it is, may neither read, execute
/// nor change what is in it. `folder`: absolute, without links. For one process each, made shortly
/// before it starts: Landlock can only allow, and only whole trees, so everything beside the folder
/// is allowed, on every level above it, but what the caller cannot look at (a dead mount). Where
/// the process could make new entries above the folder it may not any more, and what others make
/// there later it cannot use; names can be listed everywhere. Errors: `unavailable`: this kernel
/// cannot, a level above cannot be listed, or descriptors or memory have run out.
[[nodiscard]] Result<FileDescriptor> all_but(const std::string& folder);

/// Binds the calling process, which must have given up new privileges, for good; one system call.
[[nodiscard]] bool enforce(int ruleset);

}  // namespace tidegate
