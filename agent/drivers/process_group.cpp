#include "agent/drivers/process_group.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>

#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <sstream>

#include "agent/drivers/cgroup.h"
#include "schema/files/file_descriptor.h"

namespace tidegate::agent {
namespace {

constexpr std::size_t kProcFileBytesMax = 256 * 1024;
constexpr Milliseconds kGroupKillWait{5'000};

std::string read_proc(pid_t pid, const char* name) {
    const FileDescriptor file{
        ::open(fmt::format("/proc/{}/{}", pid, name).c_str(), O_RDONLY | O_CLOEXEC)};
    std::string text;
    char buffer[4096];
    while (file.valid() && text.size() < kProcFileBytesMax) {
        const auto got = ::read(file.get(), buffer, sizeof buffer);
        if (got <= 0) break;
        text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
}

/// The fields of /proc/PID/stat that matter here (proc(5)).
struct Stat {
    char state = 'X';
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;
    std::uint64_t start_time = 0;
};

std::optional<Stat> read_stat(pid_t pid) {
    const auto text = read_proc(pid, "stat");
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream fields{text.substr(name_end + 1)};
    Stat stat;
    fields >> stat.state >> stat.parent >> stat.group >> stat.session;
    std::string skipped;
    for (int field = 7; field < 22; ++field) fields >> skipped;
    fields >> stat.start_time;
    if (!fields) return std::nullopt;
    return stat;
}

/// What a process was started with.
class Environment {
public:
    // Entries end with a NUL byte; one before the first makes all alike.
    explicit Environment(pid_t pid) : text_{'\0' + read_proc(pid, "environ")} {}

    [[nodiscard]] std::optional<std::string> find(std::string_view name) const {
        const auto start = fmt::format("{}{}=", '\0', name);
        const auto at = text_.find(start);
        if (at == std::string::npos) return std::nullopt;
        const auto from = at + start.size();
        return text_.substr(from, text_.find('\0', from) - from);
    }

private:
    std::string text_;
};

bool carries(pid_t pid, std::string_view name, const std::string& value) {
    return !value.empty() && Environment{pid}.find(name) == value;
}

std::optional<pid_t> to_pid(const char* name) {
    const std::string_view text = name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return pid;
}

/// All but zombies.
std::map<pid_t, Stat> living() {
    std::map<pid_t, Stat> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> proc{::opendir("/proc"), ::closedir};
    while (const dirent* entry = proc ? ::readdir(proc.get()) : nullptr) {
        const auto pid = to_pid(entry->d_name);
        const auto stat = pid ? read_stat(*pid) : std::nullopt;
        if (stat && stat->state != 'Z' && stat->state != 'X') found.emplace(*pid, *stat);
    }
    return found;
}

}  // namespace

std::uint64_t process_start_time(pid_t pid) {
    const auto stat = read_stat(pid);
    return stat ? stat->start_time : 0;
}

std::vector<pid_t> RunMembers::look() {
    // The group's number is ours only as long as the leader (perhaps a zombie) holds it.
    const bool group_is_ours = id_.pid > 1 && process_start_time(id_.pid) == id_.start_time;
    const auto all = living();
    std::map<pid_t, std::uint64_t> members;
    for (const auto& [pid, stat] : all) {
        const auto seen = seen_.find(pid);
        if ((seen != seen_.end() && seen->second == stat.start_time) ||
            (group_is_ours && (stat.group == id_.pid || stat.session == id_.pid)) ||
            carries(pid, kMarkerVariable, id_.marker))
            members.emplace(pid, stat.start_time);
    }
    for (std::size_t before = 0; before < members.size();) {
        before = members.size();
        for (const auto& [pid, stat] : all)
            if (members.contains(stat.parent)) members.emplace(pid, stat.start_time);
    }
    seen_ = members;
    std::vector<pid_t> pids;
    for (const auto& [pid, start_time] : members) pids.push_back(pid);
    return pids;
}

bool RunMembers::signal(int signal) {
    const auto members = look();
    for (const auto pid : members) ::kill(pid, signal);
    return !members.empty();
}

std::vector<pid_t> living_of_service(const std::string& installation, const std::string& agent) {
    std::vector<pid_t> found;
    for (const auto& [pid, stat] : living()) {
        const Environment environment{pid};
        if (!installation.empty() && environment.find(kServiceVariable) == installation &&
            environment.find(kAgentVariable).value_or(agent) == agent)
            found.push_back(pid);
    }
    return found;
}

std::vector<pid_t> living_descendants(pid_t ancestor) {
    const auto all = living();
    std::set<pid_t> found{ancestor};
    for (std::size_t before = 0; before < found.size();) {
        before = found.size();
        for (const auto& [pid, stat] : all)
            if (found.contains(stat.parent)) found.insert(pid);
    }
    found.erase(ancestor);
    return {found.begin(), found.end()};
}

bool end_leftover(const ProcessId& id, const std::string& cgroup, Milliseconds grace) {
    RunMembers members{id};
    ScriptCgroup group{cgroup, id.marker};
    const auto signal = [&](int number) {
        const bool known = members.signal(number);
        const auto grouped = group.members();
        for (const auto pid : grouped) ::kill(pid, number);
        if (number == SIGKILL && !grouped.empty()) group.kill();
        return known || !grouped.empty();
    };
    const auto start = std::chrono::steady_clock::now();
    bool gone = !signal(SIGTERM);
    while (!gone) {
        const auto waited = std::chrono::steady_clock::now() - start;
        if (waited > grace + kGroupKillWait) return false;
        ::poll(nullptr, 0, 20);
        gone =
            waited > grace ? !signal(SIGKILL) : members.look().empty() && group.members().empty();
    }
    group.dissolve();
    return true;
}

}  // namespace tidegate::agent
