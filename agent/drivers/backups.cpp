#include "agent/drivers/backups.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "schema/base/limits.h"
#include "schema/base/utf8.h"

namespace tidegate::agent {
namespace {

using Directory = std::unique_ptr<DIR, decltype([](DIR* open) { ::closedir(open); })>;

constexpr Seconds kYear9999{253'402'300'799};  // its end: times go no further on the wire

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool can_be_shown(const std::string& name) {
    return !name.starts_with('.') && to_utf8(name) == name &&
           std::ranges::none_of(name, is_control);
}

bool is_plain_name(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

Directory open_to_read(const WorkDir& folder) {
    const int fd = ::openat(folder.directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    Directory opened{fd < 0 ? nullptr : ::fdopendir(fd)};
    if (fd >= 0 && !opened) ::close(fd);
    return opened;
}

Timestamp written_at(const struct stat& status) {
    const auto seconds = std::clamp(Seconds{status.st_mtim.tv_sec}, Seconds{0}, kYear9999);
    const std::chrono::nanoseconds rest{status.st_mtim.tv_nsec};
    return Timestamp{seconds + std::chrono::duration_cast<Milliseconds>(rest)};
}

/// Names are often dates, so that the later one of the same time is the greater one.
bool is_newer(const Backup& a, const Backup& b) {
    return std::tie(a.at, a.path) > std::tie(b.at, b.path);
}

void add_entries(const WorkDir& folder, const std::string& except, std::vector<Backup>& all) {
    const auto opened = open_to_read(folder);
    if (!opened) return;
    for (std::size_t read = 0; read < limits::kBackupEntriesReadMax; ++read) {
        const auto* entry = ::readdir(opened.get());
        if (entry == nullptr) return;
        const std::string name{entry->d_name};
        auto path = folder.path + '/' + name;
        struct stat status {};
        if (name == except || !can_be_shown(name) || path.size() > limits::kBackupPathBytesMax ||
            ::fstatat(::dirfd(opened.get()), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)))
            continue;
        all.push_back({std::move(path), written_at(status)});
    }
}

std::optional<WorkDir> existing(const WorkDirRules& rules) {
    auto found = find_work_dir(rules);
    return found ? std::move(*found) : std::nullopt;
}

std::optional<WorkDir> folder_in(const WorkDir& parent, const std::string& name) {
    constexpr int kFolder = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (!is_plain_name(name)) return std::nullopt;
    FileDescriptor opened{::openat(parent.directory.get(), name.c_str(), kFolder)};
    if (!opened.valid()) return std::nullopt;
    return WorkDir{parent.path + '/' + name, std::move(opened)};
}

}  // namespace

std::vector<Backup> find_backups(const BackupRules& rules) {
    const auto backups = existing({rules.backup_dir, {}, rules.work_dir.host_roots, nullptr});
    if (!backups) return {};
    const auto work = existing(rules.work_dir);
    const auto holds_the_installation = [&](const WorkDir& folder) {
        return work && lies_below(work->path, folder.path);
    };

    const auto of_app = folder_in(*backups, rules.app_name);
    std::vector<Backup> all;
    if (work && lies_below(backups->path, work->path) && !holds_the_installation(*backups))
        add_entries(*backups, of_app ? rules.app_name : "", all);
    if (of_app && !holds_the_installation(*of_app)) add_entries(*of_app, {}, all);

    std::ranges::sort(all, is_newer);
    if (all.size() > limits::kBackupsMax) all.resize(limits::kBackupsMax);
    return all;
}

}  // namespace tidegate::agent
