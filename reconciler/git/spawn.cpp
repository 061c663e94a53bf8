#include "reconciler/git/spawn.h"

#include <fcntl.h>

#include <spawn.h>
#include <sys/socket.h>
#include <csignal>

#include <cstring>

namespace tidegate::git {
namespace {

class Setup {
public:
    Setup(int socket, const SpawnOptions& options) {
        posix_spawn_file_actions_init(&actions_);
        posix_spawn_file_actions_adddup2(&actions_, socket, 0);
        posix_spawn_file_actions_adddup2(&actions_, socket, 1);
        if (options.silent)
            posix_spawn_file_actions_addopen(&actions_, 2, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
        posix_spawnattr_init(&attributes_);
        sigset_t signals;
        sigemptyset(&signals);
        posix_spawnattr_setsigmask(&attributes_, &signals);
        sigfillset(&signals);
        posix_spawnattr_setsigdefault(&attributes_, &signals);
        posix_spawnattr_setpgroup(&attributes_, 0);
        const int group = options.own_group ? POSIX_SPAWN_SETPGROUP : 0;
        posix_spawnattr_setflags(&attributes_, static_cast<short>(POSIX_SPAWN_SETSIGMASK |
                                                                  POSIX_SPAWN_SETSIGDEF | group));
    }
    Setup(const Setup&) = delete;
    Setup& operator=(const Setup&) = delete;
    ~Setup() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }
    const posix_spawn_file_actions_t* actions() const { return &actions_; }
    const posix_spawnattr_t* attributes() const { return &attributes_; }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (auto& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

}  // namespace

Result<Spawned> spawn(const SpawnOptions& options) {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return fail(ErrorCode::exhausted, "cannot make a socket: {}", std::strerror(errno));
    const FileDescriptor theirs{ends[1]};
    Spawned child{-1, FileDescriptor{ends[0]}};
    auto command = options.command;
    auto environment = options.environment;
    const Setup setup{theirs.get(), options};
    const int error =
        ::posix_spawnp(&child.pid, command.front().c_str(), setup.actions(), setup.attributes(),
                       pointers(command).data(), pointers(environment).data());
    if (error != 0)
        return fail(ErrorCode::unavailable, "cannot start {}: {}", command.front(),
                    std::strerror(error));
    return child;
}

}  // namespace tidegate::git
