#pragma once
/// What of the file system a process may still reach, by Landlock (Linux 5.19 or newer; see
/// landlock(7)): a wall for code that parses what strangers wrote, under the user of all the rest.

#include <string>
#include <vector>

#include "schema/base/result.h"

namespace tidegate {

/// A file, or a folder with all below it. Links are followed when the wall is made, so a file that
/// is replaced later is another one, out of reach.
struct Reach {
    std::string path;
    bool write = false;  ///< also to make, change, rename and remove; else to read and list
};

/// From here on the calling thread, and all that it starts, reach nothing but `allowed`, execute
/// nothing, and signal nobody who is not behind the same wall (Linux 6.12). What is open stays
/// open. For ever; further calls only narrow it. What is not there is left out.
/// Errors: `unavailable`: this kernel has no Landlock, or one that cannot rename between folders.
[[nodiscard]] Result<void> confine(const std::vector<Reach>& allowed);

}  // namespace tidegate
