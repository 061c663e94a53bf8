#include "agent/drivers/process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sstream>
#include <utility>

#include "agent/drivers/file_descriptor.h"
#include "agent/drivers/output.h"
#include "agent/drivers/spawn.h"
#include "schema/base/variable_name.h"

namespace tidegate::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Milliseconds kDrain{1'000};
constexpr Milliseconds kKillWait{5'000};
constexpr Milliseconds kLook{20};  ///< how often the group is looked at while it dies

tl::unexpected<Error> fail_errno(const char* what) {
    return fail(ErrorCode::unavailable, "{}: {}", what, std::strerror(errno));
}

/// The body as a file that only the script's user can read; gone with this object.
class ScriptFile {
public:
    static Result<ScriptFile> write(const ProcessSpec& spec) {
        ScriptFile file;
        file.path_ = spec.tmp_dir + "/script-XXXXXX";
        const FileDescriptor fd{::mkostemp(file.path_.data(), O_CLOEXEC)};
        if (!fd.valid()) {
            file.path_.clear();
            return fail_errno("cannot write the script");
        }
        std::string_view rest = spec.body;
        while (!rest.empty()) {
            const auto wrote = ::write(fd.get(), rest.data(), rest.size());
            if (wrote < 0) return fail_errno("cannot write the script");
            rest.remove_prefix(static_cast<std::size_t>(wrote));
        }
        const bool own = !spec.user || ::fchown(fd.get(), spec.user->uid, spec.user->gid) == 0;
        if (!own || ::fchmod(fd.get(), 0700) != 0) return fail_errno("cannot write the script");
        return file;
    }
    ScriptFile(ScriptFile&& other) noexcept : path_{std::exchange(other.path_, {})} {}
    ScriptFile& operator=(ScriptFile&&) = delete;
    ~ScriptFile() {
        if (!path_.empty()) ::unlink(path_.c_str());
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    ScriptFile() = default;
    std::string path_;
};

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

/// One running script. Lives on the stack of the thread that waits for it.
class Run {
public:
    explicit Run(const ProcessSpec& spec)
        : spec_{spec}, masker_{spec.secrets}, output_{spec.output_bytes_max} {}

    Result<void> start(const std::string& script) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("cannot make a pipe");
        pipe_ = FileDescriptor{ends[0]};
        const FileDescriptor write_end{ends[1]};
        ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
        const FileDescriptor null{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
        cancel_ = FileDescriptor{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        if (!null.valid() || !cancel_.valid()) return fail_errno("cannot start a process");

        id_.marker = new_marker();
        if (spec_.on_process) spec_.on_process(id_);
        auto variables = TRY(environment(spec_, id_.marker));
        const Launch launch{command(spec_, script), std::move(variables),
                            spec_.work_dir,         null.get(),
                            write_end.get(),        spec_.user ? &*spec_.user : nullptr};
        id_.pid = TRY(spawn(launch));
        id_.start_time = process_start_time(id_.pid);
        pidfd_ = FileDescriptor{static_cast<int>(::syscall(SYS_pidfd_open, id_.pid, 0))};
        TG_ASSERT(pidfd_.valid());
        if (spec_.on_process) spec_.on_process(id_);
        return {};
    }

    ProcessResult wait(std::stop_token stop) {
        const std::stop_callback wake{stop, [this] { ::eventfd_write(cancel_.get(), 1); }};
        const auto deadline = Clock::now() + spec_.timeout;
        while (!exited_ && !stop.stop_requested() && Clock::now() < deadline)
            pump(deadline - Clock::now());

        ProcessResult result;
        if (exited_)
            read_status(result);
        else
            result.end = stop.stop_requested() ? ProcessEnd::cancelled : ProcessEnd::timed_out;
        if (!result.ok()) result.survivors = !end_all();
        drain_until(Clock::now() + kDrain);
        ::waitpid(id_.pid, nullptr, result.survivors ? WNOHANG : 0);
        output_.append(masker_.finish());
        result.output = output_.text();
        result.dropped_bytes = output_.dropped_bytes();
        return result;
    }

private:
    /// Waits for output, the end of the process or a cancel, and takes what came.
    void pump(Clock::duration at_most) {
        pollfd watched[] = {{pipe_.get(), POLLIN, 0},
                            {exited_ ? -1 : pidfd_.get(), POLLIN, 0},
                            {ending_ ? -1 : cancel_.get(), POLLIN, 0}};
        const auto wait = std::chrono::ceil<Milliseconds>(at_most);
        ::poll(watched, 3, static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 60'000)));
        if (watched[0].revents != 0) take_output();
        if (watched[1].revents != 0) exited_ = true;
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

    /// The process stays a zombie, so that its number cannot be given to another meanwhile.
    void read_status(ProcessResult& result) const {
        siginfo_t info{};
        ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOWAIT);
        result.end = info.si_code == CLD_EXITED ? ProcessEnd::exited : ProcessEnd::signalled;
        result.code = info.si_status;
    }

    void pump_for(Clock::duration time) {
        for (const auto end = Clock::now() + time; Clock::now() < end;) pump(end - Clock::now());
    }

    /// TERM, then after the grace KILL, again and again while new ones appear.
    bool end_all() {
        ending_ = true;
        RunMembers members{id_};
        if (!members.signal(SIGTERM)) return true;
        const auto kill_at = Clock::now() + spec_.grace;
        while (Clock::now() < kill_at) {
            pump_for(kLook);
            if (members.look().empty()) return true;
        }
        while (Clock::now() < kill_at + kKillWait) {
            if (!members.signal(SIGKILL)) return true;
            pump_for(kLook);
        }
        return false;
    }

    const ProcessSpec& spec_;
    Masker masker_;
    OutputBuffer output_;
    ProcessId id_;
    FileDescriptor pipe_;
    FileDescriptor pidfd_;
    FileDescriptor cancel_;
    bool exited_ = false;
    bool ending_ = false;
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

Result<ProcessResult> run_process(const ProcessSpec& spec, std::stop_token stop) {
    const auto script = TRY(ScriptFile::write(spec));
    Run run{spec};
    CHECK(run.start(script.path()));
    return run.wait(std::move(stop));
}

}  // namespace tidegate::agent
