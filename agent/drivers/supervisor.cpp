#include "agent/drivers/supervisor.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include "agent/drivers/cgroup.h"
#include "agent/drivers/process_group.h"
#include "agent/drivers/run_register.h"
#include "agent/drivers/spawn.h"
#include "agent/drivers/supervision.h"
#include "schema/files/landlock.h"

namespace tidegate::agent {
namespace {

using Clock = std::chrono::steady_clock;
using Descriptors = SupervisorDescriptors;

constexpr Milliseconds kDyingLook{20};  ///< how often all are looked at while they die
constexpr Milliseconds kLateDyingLook{1'000};
constexpr Milliseconds kDyingWait{5'000};
constexpr Milliseconds kIdleLook{60'000};  ///< between looks that nothing depends on

/// One thread, which waits in look() alone.
class Supervisor {
public:
    explicit Supervisor(SupervisorOrder order) : order_{std::move(order)} {
        sigset_t heard;
        sigemptyset(&heard);
        for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&heard, number);
        ::sigprocmask(SIG_BLOCK, &heard, nullptr);
        signals_ = FileDescriptor{::signalfd(-1, &heard, SFD_NONBLOCK | SFD_CLOEXEC)};
    }

    int run() {
        if (!start()) return 1;
        const auto deadline = Clock::now() + order_.timeout;
        while (!status_ && !cancelled_ && Clock::now() < deadline) look(deadline - Clock::now());
        const auto end = status_
                             ? (WIFEXITED(*status_) ? ProcessEnd::exited : ProcessEnd::signalled)
                         : cancelled_ ? ProcessEnd::cancelled
                                      : ProcessEnd::timed_out;
        const bool good = status_ == 0;
        if (!good) end_all(end);
        cgroup_.dissolve();
        forget();
        report(end, false);
        drain();
        return 0;
    }

private:
    bool start() {
        answer_for_entry(Descriptors::entry);
        cgroup_ = ScriptCgroup{order_.cgroup, order_.name};
        say("begins");
        const auto script = spawn_script();
        ::close(Descriptors::output_write);
        if (!script) {
            say(fmt::format("failed {}", script.error().message));
            cgroup_.dissolve();
            forget();
            return false;
        }
        script_ = *script;
        say(fmt::format("started {} {}", script_, process_start_time(script_)));
        return true;
    }

    Result<pid_t> spawn_script() const {
        Launch launch;
        launch.arguments = order_.command;
        launch.environment = order_.environment;
        if (order_.has_work_dir) launch.work_dir = Descriptors::work_dir;
        launch.descriptors = {Descriptors::null, Descriptors::output_write,
                              Descriptors::output_write};
        launch.cgroup = cgroup_.procs();
        if (order_.user) launch.user = &*order_.user;
        launch.no_new_privileges = order_.no_new_privileges;
        FileDescriptor ruleset;
        if (!order_.closed_folder.empty()) ruleset = TRY(all_but(order_.closed_folder));
        launch.landlock = ruleset.get();
        return spawn(launch);
    }

    void say(const std::string& text) {
        if (::send(Descriptors::control, text.data(), text.size(), MSG_NOSIGNAL) < 0)
            agent_gone_ = true;
    }
    void report(ProcessEnd end, bool survivors) {
        if (!std::exchange(reported_, true))
            say(fmt::format("ended {} {} {}", to_string(end), code(), survivors ? 1 : 0));
    }
    int code() const {
        if (!status_) return 0;
        return WIFEXITED(*status_) ? WEXITSTATUS(*status_) : WTERMSIG(*status_);
    }

    /// Waits for a signal, the agent or, once that is gone, output; takes what came.
    void look(Clock::duration at_most) {
        pollfd watched[] = {
            {signals_.get(), POLLIN, 0},
            {agent_gone_ ? -1 : Descriptors::control, POLLIN, 0},
            {agent_gone_ && output_open_ ? Descriptors::output_read : -1, POLLIN, 0}};
        const auto wait = std::chrono::ceil<Milliseconds>(at_most);
        ::poll(watched, 3,
               static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, kIdleLook.count())));
        if (watched[0].revents != 0) take_signals();
        if (watched[1].revents != 0) take_word();
        if (watched[2].revents != 0) discard();
    }

    void take_signals() {
        signalfd_siginfo info{};
        while (::read(signals_.get(), &info, sizeof info) == sizeof info)
            cancelled_ = cancelled_ || info.ssi_signo != SIGCHLD;
        int status = 0;
        pid_t pid = 0;
        while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0)
            if (pid == script_) status_ = status;
        childless_ = pid < 0 && errno == ECHILD;
    }

    void take_word() {
        char word = 0;
        if (::recv(Descriptors::control, &word, 1, MSG_DONTWAIT) > 0)
            cancelled_ = true;
        else
            agent_gone_ = true;
    }

    void discard() {
        char buffer[64 * 1024];
        const auto got = ::read(Descriptors::output_read, buffer, sizeof buffer);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) output_open_ = false;
    }

    /// As their reaper it has children for as long as anything of the script lives.
    bool any_left() {
        take_signals();
        return !childless_ || !cgroup_.members().empty();
    }
    void signal_all(int number) {
        for (const auto pid : living_descendants(::getpid())) ::kill(pid, number);
        for (const auto pid : cgroup_.members()) ::kill(pid, number);
    }

    /// TERM, then after the grace KILL, again and again until nothing is left.
    void end_all(ProcessEnd end) {
        if (!any_left()) return;
        signal_all(SIGTERM);
        const auto kill_at = Clock::now() + order_.grace;
        while (any_left() && Clock::now() < kill_at) look(kDyingLook);
        while (any_left()) {
            cgroup_.kill();
            signal_all(SIGKILL);
            const bool late = Clock::now() >= kill_at + kDyingWait;
            if (late) report(end, true);
            look(late ? kLateDyingLook : kDyingLook);
        }
    }

    /// Nobody has to end it any more.
    void forget() {
        if (!order_.entry.empty()) ::unlink(order_.entry.c_str());
        ::close(Descriptors::entry);
    }

    void drain() {
        while (output_open_) look(kIdleLook);
    }

    SupervisorOrder order_;
    ScriptCgroup cgroup_;
    FileDescriptor signals_;
    pid_t script_ = -1;
    std::optional<int> status_;  ///< of the script, once it has ended
    bool childless_ = false;
    bool cancelled_ = false;
    bool agent_gone_ = false;
    bool output_open_ = true;
    bool reported_ = false;
};

}  // namespace

int supervise() {
    // It knows the script's variables, and is as good a target as the agent.
    ::prctl(PR_SET_DUMPABLE, 0);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    auto order = read_order(Descriptors::order);
    ::close(Descriptors::order);
    if (!order) return 1;
    return Supervisor{*std::move(order)}.run();
}

}  // namespace tidegate::agent
