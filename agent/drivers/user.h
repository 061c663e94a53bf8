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

/// While it lives, what the calling thread opens and reads of files it does as that user, with no
/// more rights; null changes nothing. Signals and ptrace still see the agent's own user.
class FileAccessAs {
public:
    explicit FileAccessAs(const ProcessUser* user);
    FileAccessAs(const FileAccessAs&) = delete;
    FileAccessAs& operator=(const FileAccessAs&) = delete;
    ~FileAccessAs();

    [[nodiscard]] bool allowed() const { return allowed_; }

private:
    std::vector<gid_t> own_groups_;
    bool changed_ = false;
    bool allowed_ = true;
};

/// The topmost folder that the user may not pass through on the way to (and in) this one; empty
/// when there is none. Needs root; asks in a process of its own.
[[nodiscard]] Result<std::string> closed_folder(const ProcessUser& user, const std::string& path);

}  // namespace tidegate::agent
