#include "agent/drivers/process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <sstream>
#include <utility>

#include "agent/drivers/output.h"
#include "agent/drivers/process_group.h"
#include "agent/drivers/run_register.h"
#include "agent/drivers/script_file.h"
#include "agent/drivers/spawn.h"
#include "schema/base/variable_name.h"
#include "schema/files/file_descriptor.h"

namespace tidegate::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Milliseconds kDrain{1'000};
/// Beyond all that a supervisor waits for by itself; then it is taken for lost.
constexpr Milliseconds kSupervisorPatience{30'000};
/// From then on, for the agent may have been frozen as long, and the supervisor with it.
constexpr Milliseconds kLastChance{10'000};
constexpr std::size_t kMessageBytesMax = 1024;

tl::unexpected<Error> fail_errno(const char* what) {
    return fail(ErrorCode::unavailable, "{}: {}", what, std::strerror(errno));
}

std::vector<std::string> command(const ProcessSpec& spec, const std::string& script) {
    std::vector<std::string> words;
    std::istringstream text{spec.interpreter};
    for (std::string word; text >> word;) words.push_back(word);
    if (words.empty()) words.emplace_back("/bin/bash");
    if (words.front().find('/') == std::string::npos) words.insert(words.begin(), "/usr/bin/env");
    words.push_back(script);
    return words;
}

std::string new_marker() {
    static std::atomic<std::uint64_t> count{0};
    return fmt::format("{}.{}.{}", ::getpid(), Clock::now().time_since_epoch().count(), ++count);
}

Result<std::vector<std::string>> environment(const ProcessSpec& spec, const std::string& marker) {
    const char* own_home = ::getenv("HOME");
    std::map<std::string, std::string> all{
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        {"HOME", spec.user             ? spec.user->home
                 : own_home != nullptr ? own_home
                                       : "/"},
        {"LANG", "C.UTF-8"}};
    for (const auto& [name, value] : spec.environment) {
        if (!is_variable_name(name) || value.find('\0') != std::string::npos)
            return fail(ErrorCode::invalid, "'{}' cannot be an environment variable", name);
        all[name] = value;
    }
    all[kMarkerVariable] = marker;
    std::vector<std::string> out;
    for (const auto& [name, value] : all) out.push_back(fmt::format("{}={}", name, value));
    return out;
}

/// Supervisors that still read what a service writes; looked after when another one ends.
class FormerSupervisors {
public:
    void add(pid_t pid) {
        const std::scoped_lock lock{mutex_};
        pids_.push_back(pid);
        std::erase_if(pids_, [](pid_t old) { return ::waitpid(old, nullptr, WNOHANG) != 0; });
    }

private:
    std::mutex mutex_;
    std::vector<pid_t> pids_;
};

FormerSupervisors& former_supervisors() {
    static FormerSupervisors all;
    return all;
}

/// One running script. Lives on the stack of the thread that waits for it.
class Run {
public:
    explicit Run(const ProcessSpec& spec)
        : spec_{spec}, masker_{spec.secrets}, output_{spec.output_bytes_max} {}
    ~Run() {
        control_.reset();
        if (supervisor_ > 0) former_supervisors().add(supervisor_);
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    Result<void> start(const std::string& script) {
        cancel_ = FileDescriptor{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        if (!cancel_.valid()) return fail_errno("cannot start a process");
        id_.marker = new_marker();
        SupervisorOrder order;
        order.environment = TRY(environment(spec_, id_.marker));
        order.command = command(spec_, script);
        order.has_work_dir = spec_.work_dir >= 0;
        order.user = spec_.user;
        order.no_new_privileges = spec_.no_new_privileges;
        order.closed_folder = spec_.closed_folder;
        order.timeout = spec_.timeout;
        order.grace = spec_.grace;
        order.name = id_.marker;
        order.cgroup = spec_.supervision.cgroup;
        const auto& registry = spec_.supervision.run_dir;
        auto entry = TRY(RunEntry::make(registry, spec_.action, id_.marker));
        order.entry = entry.path();
        entry_ = entry.path();
        auto started = launch(order, entry.descriptor());
        if (started) started = await_start();
        if (!started) entry.remove();
        return started;
    }

    ProcessResult wait(const std::stop_token& stop) {
        const std::stop_callback wake{stop, [this] { ::eventfd_write(cancel_.get(), 1); }};
        await_end(Clock::now() + spec_.timeout + spec_.grace + kSupervisorPatience, stop);
        await_end(Clock::now() + kLastChance, stop);
        auto result = result_ ? *std::move(result_) : replace_supervisor();
        drain_until(Clock::now() + kDrain);
        output_.append(masker_.finish());
        result.output = output_.text();
        result.dropped_bytes = output_.dropped_bytes();
        return result;
    }

private:
    Result<void> launch(const SupervisorOrder& order, int entry) {
        int pipe[2];
        int sockets[2];
        if (::pipe2(pipe, O_CLOEXEC) != 0) return fail_errno("cannot make a pipe");
        pipe_ = FileDescriptor{pipe[0]};
        const FileDescriptor write_end{pipe[1]};
        ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
            return fail_errno("cannot make a pipe");
        control_ = FileDescriptor{sockets[0]};
        const FileDescriptor control_end{sockets[1]};
        const FileDescriptor null{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
        if (!null.valid()) return fail_errno("cannot start a process");
        const auto order_file = TRY(write_order(order));
        Launch launch;
        launch.arguments = {spec_.supervision.program, kSuperviseArgument};
        const auto or_null = [&](int fd) { return fd >= 0 ? fd : null.get(); };
        launch.descriptors = {
            control_end.get(), null.get(),      null.get(),     order_file.get(),
            pipe_.get(),       write_end.get(), or_null(entry), or_null(spec_.work_dir)};
        supervisor_ = TRY(spawn(launch));
        return {};
    }

    /// What the supervisor did before it was killed counts: from `begins` on, the script may have.
    Result<void> await_start() {
        auto text = receive(kSupervisorPatience);
        const bool began = text == "begins";
        if (began) text = receive(kSupervisorPatience);
        std::istringstream words{text};
        std::string word;
        words >> word >> id_.pid >> id_.start_time;
        if (words && word == "started") return {};
        if (word == "failed") return fail(ErrorCode::exhausted, "{}", text.substr(word.size() + 1));
        auto ended = replace_supervisor();  // it must not begin later
        if (!began)
            return fail(ErrorCode::unavailable, "cannot start a process: {} did not answer",
                        spec_.supervision.program);
        result_ = std::move(ended);
        return {};
    }

    /// One message; empty when none came in time, or none will.
    std::string receive(Milliseconds at_most) {
        pollfd watched{control_.get(), POLLIN, 0};
        if (::poll(&watched, 1, static_cast<int>(at_most.count())) <= 0) return {};
        std::string text(kMessageBytesMax, '\0');
        const auto got = ::recv(control_.get(), text.data(), text.size(), MSG_DONTWAIT);
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return text;
    }

    /// Until the supervisor has told the end, or is gone, or that time has come.
    void await_end(Clock::time_point at_last, const std::stop_token& stop) {
        while (!result_ && control_.valid() && Clock::now() < at_last) {
            if (stop.stop_requested() && !std::exchange(told_, true))
                ::send(control_.get(), "c", 1, MSG_NOSIGNAL);
            pump(at_last - Clock::now());
        }
    }

    /// `ended END CODE SURVIVORS`; anything else means that there is no supervisor any more.
    void take_end() {
        std::istringstream words{receive(Milliseconds{0})};
        std::string word;
        std::string end;
        ProcessResult result;
        words >> word >> end >> result.code >> result.survivors;
        const auto known = from_string<ProcessEnd>(end);
        if (!words || word != "ended" || !known) return control_.reset();
        result.end = *known;
        result_ = std::move(result);
    }

    /// Waits for output, the supervisor or a cancel, and takes what came.
    void pump(Clock::duration at_most) {
        pollfd watched[] = {{pipe_.get(), POLLIN, 0},
                            {result_ ? -1 : control_.get(), POLLIN, 0},
                            {told_ ? -1 : cancel_.get(), POLLIN, 0}};
        const auto wait = std::chrono::ceil<Milliseconds>(at_most);
        ::poll(watched, 3, static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 60'000)));
        if (watched[0].revents != 0) take_output();
        if (watched[1].revents != 0) take_end();
    }

    void take_output() {
        char buffer[64 * 1024];
        const auto got = ::read(pipe_.get(), buffer, sizeof buffer);
        if (got > 0)
            output_.append(masker_.feed({buffer, static_cast<std::size_t>(got)}));
        else if (got == 0 || (errno != EAGAIN && errno != EINTR))
            pipe_.reset();
    }

    void drain_until(Clock::time_point end) {
        while (pipe_.valid() && Clock::now() < end) pump(end - Clock::now());
    }

    /// Somebody killed it, or stopped it: what it answered for is ended as well as can be.
    ProcessResult replace_supervisor() {
        ::kill(supervisor_, SIGKILL);
        ProcessResult result;
        result.end = ProcessEnd::signalled;
        result.code = SIGKILL;
        result.survivors = !end_leftover(id_, spec_.supervision.cgroup, spec_.grace);
        if (!entry_.empty()) ::unlink(entry_.c_str());
        return result;
    }

    const ProcessSpec& spec_;
    Masker masker_;
    OutputBuffer output_;
    ProcessId id_;
    pid_t supervisor_ = -1;
    std::string entry_;  ///< of the register
    FileDescriptor pipe_;
    FileDescriptor control_;
    FileDescriptor cancel_;
    bool told_ = false;
    std::optional<ProcessResult> result_;
};

}  // namespace

std::string ProcessResult::error(Milliseconds timeout) const {
    const std::string rest = survivors ? "; some of its processes could not be killed" : "";
    switch (end) {
        case ProcessEnd::exited:
            return code == 0 ? "" : fmt::format("exit code {}{}", code, rest);
        case ProcessEnd::signalled:
            return fmt::format("killed by signal {} ({}){}", code, ::strsignal(code), rest);
        case ProcessEnd::timed_out:
            return fmt::format("timed out after {}{}",
                               timeout % Seconds{1} == Milliseconds{0}
                                   ? format_duration(std::chrono::duration_cast<Seconds>(timeout))
                                   : fmt::format("{}ms", timeout.count()),
                               rest);
        case ProcessEnd::cancelled:
            return "cancelled" + rest;
    }
    return "unknown end";
}

Result<ProcessResult> run_process(const ProcessSpec& spec, const std::stop_token& stop) {
    const auto script =
        TRY(ScriptFile::write(spec.tmp_dir, spec.body, spec.user ? &*spec.user : nullptr));
    Run run{spec};
    CHECK(run.start(script.path()));
    return run.wait(stop);
}

}  // namespace tidegate::agent
