#include "agent/drivers/backup_look.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <sstream>

#include "agent/drivers/spawn.h"
#include "schema/base/limits.h"

namespace tidegate::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kAnswerBytesMax =
    limits::kBackupsMax * (limits::kBackupPathBytesMax + 32);  // each with its time
constexpr Milliseconds kDeathWait{1'000};
constexpr std::size_t kLingeringMax = 8;

/// Killed ones that are not dead yet: there are calls into a disk or a mount that nothing ends.
class Lingering {
public:
    /// Whether one more may be risked.
    [[nodiscard]] bool has_room() {
        const std::scoped_lock lock{mutex_};
        std::erase_if(pids_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
        return pids_.size() < kLingeringMax;
    }
    void add(pid_t pid) {
        const std::scoped_lock lock{mutex_};
        pids_.push_back(pid);
    }

private:
    std::mutex mutex_;
    std::vector<pid_t> pids_;
};

Lingering& lingering() {
    static Lingering all;
    return all;
}

/// By environment, which unlike arguments is nobody else's to read: variables may hold secrets.
std::vector<std::string> question(const BackupRules& rules) {
    const auto& place = rules.work_dir;
    std::vector<std::string> out{"BACKUP_DIR=" + rules.backup_dir, "APP_NAME=" + rules.app_name,
                                 "WORK_DIR=" + place.work_dir,
                                 "TARGET_WORK_DIR=" + place.target_work_dir};
    for (std::size_t i = 0; i < place.host_roots.size(); ++i)
        out.push_back(fmt::format("ROOT_{}={}", i, place.host_roots[i]));
    if (const auto* user = place.owner; user != nullptr)
        out.push_back(
            fmt::format("USER_IDS={} {} {}", user->uid, user->gid, fmt::join(user->groups, " ")));
    return out;
}

std::optional<std::string> asked(const std::string& name) {
    const char* value = ::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
}

BackupRules asked_rules() {
    BackupRules rules;
    rules.backup_dir = asked("BACKUP_DIR").value_or("");
    rules.app_name = asked("APP_NAME").value_or("");
    rules.work_dir.work_dir = asked("WORK_DIR").value_or("");
    rules.work_dir.target_work_dir = asked("TARGET_WORK_DIR").value_or("");
    for (std::size_t i = 0; const auto root = asked(fmt::format("ROOT_{}", i)); ++i)
        rules.work_dir.host_roots.push_back(*root);
    return rules;
}

bool become_asked_user() {
    const auto ids = asked("USER_IDS");
    if (!ids) return true;
    std::istringstream text{*ids};
    ProcessUser user;
    if (!(text >> user.uid >> user.gid)) return false;
    for (gid_t group = 0; text >> group;) user.groups.push_back(group);
    return become_user(user);
}

bool ends_within(int pidfd, Milliseconds time) {
    const auto end = Clock::now() + time;
    for (;;) {
        const auto left = std::chrono::ceil<Milliseconds>(end - Clock::now()).count();
        if (left <= 0) return false;
        pollfd watched{pidfd, POLLIN, 0};
        if (::poll(&watched, 1, static_cast<int>(left)) > 0) return true;
    }
}

/// Waits no longer than it may, also where the process does not even die.
bool ends_well(pid_t child) {
    const FileDescriptor pidfd{static_cast<int>(::syscall(SYS_pidfd_open, child, 0))};
    int status = 0;
    if (ends_within(pidfd.get(), kBackupLookTimeout))
        return ::waitpid(child, &status, 0) == child && status == 0;
    ::kill(child, SIGKILL);
    if (ends_within(pidfd.get(), kDeathWait))
        ::waitpid(child, nullptr, 0);
    else
        lingering().add(child);
    return false;
}

std::optional<std::vector<Backup>> read_answer(int answer) {
    std::string text(kAnswerBytesMax, '\0');
    const auto got = ::pread(answer, text.data(), text.size(), 0);
    if (got < 0) return std::nullopt;
    std::istringstream entries{text.substr(0, static_cast<std::size_t>(got))};
    std::vector<Backup> backups;
    for (std::string entry; std::getline(entries, entry, '\0');) {
        std::int64_t at = 0;
        const auto* end = entry.data() + entry.size();
        const auto [path, error] = std::from_chars(entry.data(), end, at);
        if (error != std::errc{} || path == end || *path != ' ') return std::nullopt;
        backups.push_back({{path + 1, end}, Timestamp{Milliseconds{at}}});
    }
    return backups;
}

}  // namespace

std::optional<std::vector<Backup>> look_for_backups(const BackupRules& rules,
                                                    const std::string& program) {
    if (program.empty() || !lingering().has_room()) return std::nullopt;
    // A file, not a pipe: the process is never kept waiting, and is done when it has ended.
    const FileDescriptor answer{::memfd_create("backups", MFD_CLOEXEC)};
    if (!answer.valid()) return std::nullopt;
    Launch launch;
    launch.arguments = {program, kBackupLookArgument};
    launch.environment = question(rules);
    launch.descriptors = {answer.get(), answer.get(), answer.get()};
    const auto child = spawn(launch);
    if (!child || !ends_well(*child)) return std::nullopt;
    return read_answer(answer.get());
}

int answer_backup_look() {
    if (!become_asked_user()) return 1;
    ::close(STDERR_FILENO);  // it is the answer's file too, and libraries may complain there
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // after the change of user, which takes it back
    std::string answer;
    for (const auto& [path, at] : find_backups(asked_rules()))
        answer += fmt::format("{} {}{}", at.time_since_epoch().count(), path, '\0');
    const auto wrote = ::write(STDOUT_FILENO, answer.data(), answer.size());
    return wrote == static_cast<ssize_t>(answer.size()) ? 0 : 1;
}

}  // namespace tidegate::agent
