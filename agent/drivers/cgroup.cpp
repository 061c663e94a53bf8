#include "agent/drivers/cgroup.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>

namespace tidegate::agent {
namespace {

/// Members that fork while they are moved are met in the next round.
constexpr int kMoveRounds = 100;

std::string read_text(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

/// mountinfo writes space, tab, line feed and backslash as \ and three octal digits (proc(5)).
std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 3 >= text.size()) {
            out += text[i];
            continue;
        }
        const auto digit = [&](std::size_t at) { return text[i + at] - '0'; };
        out += static_cast<char>(digit(1) * 64 + digit(2) * 8 + digit(3));
        i += 3;
    }
    return out;
}

struct Mount {
    std::string root;
    std::string point;
};

/// `36 35 98:0 ROOT POINT OPTIONS [FIELDS…] - cgroup2 …`
bool read_mount(const std::string& line, Mount& out) {
    if (line.find(" - cgroup2 ") == std::string::npos) return false;
    std::istringstream fields{line};
    std::string skipped;
    fields >> skipped >> skipped >> skipped >> out.root >> out.point;
    out = {unescaped(out.root), unescaped(out.point)};
    return static_cast<bool>(fields);
}

/// The path after `0::`, which is version 2's line.
std::string version_2_path(std::string_view own) {
    std::istringstream lines{std::string{own}};
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("0::/")) return line.substr(3);
    return {};
}

}  // namespace

std::string cgroup_directory(std::string_view mountinfo, std::string_view own) {
    auto path = version_2_path(own);
    if (path.empty() || path.starts_with("/..")) return {};
    std::istringstream lines{std::string{mountinfo}};
    for (std::string line; std::getline(lines, line);) {
        Mount mount;
        if (!read_mount(line, mount)) continue;
        if (mount.root != "/") {
            if (path != mount.root && !path.starts_with(mount.root + '/')) continue;
            path.erase(0, mount.root.size());
        }
        while (path.ends_with('/')) path.pop_back();
        return mount.point + path;
    }
    return {};
}

std::string own_cgroup() {
    const auto path =
        cgroup_directory(read_text("/proc/self/mountinfo"), read_text("/proc/self/cgroup"));
    const bool may = !path.empty() && ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
    return may ? path : std::string{};
}

ScriptCgroup::ScriptCgroup(const std::string& parent, const std::string& name) : parent_{parent} {
    if (parent.empty()) return;
    path_ = fmt::format("{}/tidegate-{}", parent, name);
    ::mkdir(path_.c_str(), 0755);
    procs_ = FileDescriptor{::open((path_ + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC)};
}

std::vector<pid_t> ScriptCgroup::members() const {
    std::vector<pid_t> pids;
    if (!procs_.valid()) return pids;
    std::ifstream file{path_ + "/cgroup.procs"};
    for (pid_t pid = 0; file >> pid;) pids.push_back(pid);
    return pids;
}

bool ScriptCgroup::kill() {
    if (!procs_.valid()) return false;
    const FileDescriptor file{::open((path_ + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC)};
    return file.valid() && ::write(file.get(), "1", 1) == 1;
}

void ScriptCgroup::dissolve() {
    if (!procs_.valid()) return;
    const FileDescriptor parent{::open((parent_ + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC)};
    for (int round = 0; round < kMoveRounds && ::rmdir(path_.c_str()) != 0; ++round) {
        for (const auto pid : members()) {
            const auto text = fmt::format("{}", pid);
            if (::write(parent.get(), text.data(), text.size()) < 0) continue;  // it has ended
        }
    }
    procs_.reset();
}

}  // namespace tidegate::agent
