#include "agent/drivers/user.h"

#include <grp.h>
#include <pwd.h>

namespace tidegate::agent {

Result<ProcessUser> find_user(const std::string& name) {
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(16 * 1024);
    getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) return fail(ErrorCode::not_found, "this host has no user '{}'", name);

    ProcessUser user{name, entry.pw_uid, entry.pw_gid, {}, entry.pw_dir};
    int count = 64;
    user.groups.resize(static_cast<std::size_t>(count));
    if (getgrouplist(name.c_str(), user.gid, user.groups.data(), &count) < 0) {
        user.groups.resize(static_cast<std::size_t>(count));
        if (getgrouplist(name.c_str(), user.gid, user.groups.data(), &count) < 0)
            return fail(ErrorCode::internal, "cannot read the groups of user '{}'", name);
    }
    user.groups.resize(static_cast<std::size_t>(count));
    return user;
}

}  // namespace tidegate::agent
