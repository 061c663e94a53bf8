#include "agent/drivers/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "schema/files/file_descriptor.h"
#include "schema/files/landlock.h"

namespace tidegate::agent {
namespace {

struct Prepared {
    std::vector<char*> arguments;
    std::vector<char*> environment;
    std::vector<int> moved;  ///< the launch's descriptors while they change places
    const Launch* launch = nullptr;
    int words = -1;  ///< where it says why it could not begin
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
}

[[noreturn]] void give_up(int words, const char* what) {
    const char* why = strerrordesc_np(errno);
    const auto say = [words](const char* text) {
        if (::write(words, text, std::strlen(text)) < 0) ::_exit(127);
    };
    say("tidegate-agent: cannot ");
    say(what);
    say(": ");
    say(why != nullptr ? why : "unknown error");
    ::_exit(127);
}

/// Until nobody can write any more: the process has become its program, or has ended.
std::string read_all(int words) {
    std::string all;
    char buffer[256];
    for (ssize_t got = 0; (got = ::read(words, buffer, sizeof buffer)) > 0;)
        all.append(buffer, static_cast<std::size_t>(got));
    return all;
}

void reset_signals() {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (const int number :
         {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD})
        ::sigaction(number, &standard, nullptr);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// A descriptor out of the way of those that are handed on.
int beyond(const Launch& launch, int descriptor) {
    if (descriptor < 0) return -1;
    return ::fcntl(descriptor, F_DUPFD, static_cast<int>(launch.descriptors.size()));
}

void hand_on(Prepared& prepared) {
    const auto& wanted = prepared.launch->descriptors;
    for (std::size_t i = 0; i < wanted.size(); ++i)
        prepared.moved[i] = beyond(*prepared.launch, wanted[i]);
    for (std::size_t i = 0; i < wanted.size(); ++i)
        if (::dup2(prepared.moved[i], static_cast<int>(i)) < 0) ::_exit(127);
}

[[noreturn]] void become(Prepared& prepared) {
    const Launch& launch = *prepared.launch;
    ::setsid();
    const int work_dir = beyond(launch, launch.work_dir);
    const int landlock = beyond(launch, launch.landlock);
    const int words = beyond(launch, prepared.words);
    // Where it may not move, the one who started it still knows it as a child.
    if (launch.cgroup >= 0 && ::write(launch.cgroup, "0", 1) < 0) errno = 0;
    hand_on(prepared);
    if (launch.user != nullptr && !become_user(*launch.user))
        give_up(words, "change to the configured user");
    if (launch.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        give_up(words, "give up further rights");
    if (launch.landlock >= 0 && !enforce(landlock))
        give_up(words, "give up the agent's own folder");
    if ((launch.work_dir >= 0 ? ::fchdir(work_dir) : ::chdir("/")) != 0)
        give_up(words, "enter the work dir");
    ::syscall(SYS_close_range, static_cast<unsigned>(launch.descriptors.size()), UINT_MAX, 0U);
    ::umask(022);
    reset_signals();
    ::execve(prepared.arguments[0], prepared.arguments.data(), prepared.environment.data());
    give_up(STDERR_FILENO, "run the interpreter");
}

}  // namespace

Result<pid_t> spawn(const Launch& launch) {
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0)
        return fail(ErrorCode::exhausted, "cannot start a process: {}", std::strerror(errno));
    const FileDescriptor read_end{pipe[0]};
    FileDescriptor write_end{pipe[1]};
    Prepared prepared{pointers(launch.arguments), pointers(launch.environment),
                      std::vector<int>(launch.descriptors.size()), &launch, write_end.get()};
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    // No handler of the agent's may run in a child that shares its memory.
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    // A process that changes its user must not share memory with the agent meanwhile.
    const pid_t pid = launch.user != nullptr ? ::fork() : ::vfork();
    if (pid == 0) become(prepared);
    const int error = errno;
    write_end.reset();
    const auto words = read_all(read_end.get());
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0)
        return fail(ErrorCode::exhausted, "cannot start a process: {}", std::strerror(error));
    if (words.empty()) return pid;
    ::waitpid(pid, nullptr, 0);
    return fail(ErrorCode::unavailable, "{}", words);
}

}  // namespace tidegate::agent
