#include "agent/drivers/run_register.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "agent/drivers/process_group.h"

namespace tidegate::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Milliseconds kRegisterLook{20};
constexpr Milliseconds kUnansweredGrace{5'000};

bool is_answered_for(const std::string& path) {
    const FileDescriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    return file.valid() && ::flock(file.get(), LOCK_SH | LOCK_NB) != 0;
}

struct Told {
    std::string action;
    bool answered_for = false;
};

/// Its supervisor needs to be told once; more often does no harm. It may not have written down its
/// number yet.
Told tell_to_end(const std::string& path) {
    Told told;
    std::ifstream file{path};
    pid_t supervisor = 0;
    std::getline(file, told.action);
    file >> supervisor;
    // The lock vouches for the number: it is dropped with the process.
    told.answered_for = is_answered_for(path);
    if (told.answered_for && supervisor > 1) ::kill(supervisor, SIGTERM);
    return told;
}

}  // namespace

Result<RunEntry> RunEntry::make(const std::string& run_dir, const std::string& action,
                                const std::string& marker) {
    RunEntry entry;
    if (run_dir.empty()) return entry;
    entry.path_ = run_dir + '/' + marker;
    entry.file_ =
        FileDescriptor{::open(entry.path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    const auto text = action + '\n';
    const bool noted =
        entry.file_.valid() && ::flock(entry.file_.get(), LOCK_EX | LOCK_NB) == 0 &&
        ::write(entry.file_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (noted) return entry;
    const int error = errno;
    if (entry.file_.valid()) entry.remove();
    return fail(ErrorCode::unavailable, "cannot write {}: {}", entry.path_, std::strerror(error));
}

void RunEntry::remove() {
    if (!path_.empty()) ::unlink(path_.c_str());
    file_.reset();
}

void answer_for_entry(int descriptor) {
    const auto text = fmt::format("{}\n", ::getpid());
    // Without it the next agent waits for the run instead of ending it.
    if (::write(descriptor, text.data(), text.size()) < 0) return;
}

FormerRuns FormerRuns::end_all(const std::string& run_dir) {
    FormerRuns former;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{run_dir, error}) {
        const auto path = entry.path().string();
        former.runs_.push_back({tell_to_end(path).action, entry.path().filename().string(), path});
    }
    return former;
}

bool FormerRuns::await(const std::string& action, const std::string& cgroup,
                       Milliseconds at_most) const {
    const auto end = Clock::now() + at_most;
    bool all = true;
    for (const auto& run : runs_) {
        if (run.action != action) continue;
        while (tell_to_end(run.path).answered_for && Clock::now() < end)
            ::poll(nullptr, 0, static_cast<int>(kRegisterLook.count()));
        if (!std::filesystem::exists(run.path)) continue;
        const bool ended = !is_answered_for(run.path) &&
                           end_leftover({0, 0, run.marker}, cgroup, kUnansweredGrace);
        if (ended) ::unlink(run.path.c_str());
        all = all && ended;
    }
    return all;
}

}  // namespace tidegate::agent
