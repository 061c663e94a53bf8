#pragma once
/// Where a project's scripts run, checked against what repo and host allow.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/drivers/user.h"
#include "schema/base/result.h"
#include "schema/files/file_descriptor.h"

namespace tidegate::agent {

struct WorkDirRules {
    std::string work_dir;                 ///< wanted; absolute
    std::string target_work_dir;          ///< root that the target names; empty = none
    std::vector<std::string> host_roots;  ///< agent.yaml's work_dirs; empty = any place
    const ProcessUser* owner = nullptr;   ///< the scripts' user; null = the agent's own
};

struct WorkDir {
    std::string path;
    FileDescriptor directory;  ///< O_PATH: to be entered (fchdir, openat), not to be read
};

/// `deploy.config.work_dir`, else `<target work_dir>/<project>`, else `/opt/apps/<project>`.
[[nodiscard]] std::string default_work_dir(const std::string& configured,
                                           const std::string& target_work_dir,
                                           const std::string& project);

/// At or below it; both absolute, without links and dots.
[[nodiscard]] bool lies_below(const std::filesystem::path& path, const std::filesystem::path& root);

/// Refuses (invalid: the repo's fault; denied: the host's word, or a link on it) what does not
/// really lie at or below the target's root and one of the host's, symbolic links resolved, without
/// making anything.
/// Nullopt when the directory does not exist.
[[nodiscard]] Result<std::optional<WorkDir>> find_work_dir(const WorkDirRules& rules);

/// The same, but makes the directory where it is missing: with the rights of the scripts' user;
/// what those do not suffice for only on the way to a host's root (it stays the agent's) and at or
/// below one (it is given to that user).
[[nodiscard]] Result<WorkDir> open_work_dir(const WorkDirRules& rules);

/// Removes an empty one, with the rights of the agent: only where these are the scripts' user's, or
/// at or below a host's root, for elsewhere that user alone may. It stays where they do not
/// suffice. conflict: it is not empty, for somebody still writes there.
[[nodiscard]] Result<void> remove_work_dir(const WorkDirRules& rules);

}  // namespace tidegate::agent
