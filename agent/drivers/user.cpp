#include "agent/drivers/user.h"

#include <grp.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

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

/// glibc's own set*id wrappers change every thread of the process, which after vfork is the
/// agent's; the bare system calls change the caller alone.
bool become_user(const ProcessUser& user) {
    return ::syscall(SYS_setgroups, user.groups.size(), user.groups.data()) == 0 &&
           ::syscall(SYS_setresgid, user.gid, user.gid, user.gid) == 0 &&
           ::syscall(SYS_setresuid, user.uid, user.uid, user.uid) == 0;
}

Result<std::string> closed_folder(const ProcessUser& user, const std::string& path) {
    constexpr int kNone = 0;
    constexpr int kNotAllowed = 255;
    std::vector<std::string> folders;
    std::filesystem::path walked;
    for (const auto& part : std::filesystem::absolute(path).lexically_normal())
        folders.push_back((walked /= part).string());
    if (folders.size() >= kNotAllowed)
        return fail(ErrorCode::invalid, "{} lies too deep to be looked at", path);
    const pid_t child = ::fork();
    if (child == 0) {
        if (!become_user(user)) ::_exit(kNotAllowed);
        for (std::size_t i = 0; i < folders.size(); ++i)
            if (::access(folders[i].c_str(), X_OK) != 0) ::_exit(static_cast<int>(i) + 1);
        ::_exit(kNone);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return fail(ErrorCode::unavailable, "cannot start a process: {}", std::strerror(errno));
    const int found = WEXITSTATUS(status);
    if (found == kNotAllowed)
        return fail(ErrorCode::denied, "not allowed to act as user '{}'", user.name);
    return found == kNone ? std::string{} : folders[static_cast<std::size_t>(found) - 1];
}

}  // namespace tidegate::agent
