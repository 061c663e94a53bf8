#include "agent/drivers/landlock.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>

namespace tidegate::agent {
namespace {

constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1;
constexpr int kPathBeneath = 1;
/// Since 2 a file may be moved from one allowed tree to another.
constexpr long kVersionMin = 2;
constexpr long kVersionWithTruncate = 3;

constexpr std::uint64_t bit(int number) { return std::uint64_t{1} << number; }
constexpr std::uint64_t kExecute = bit(0);
constexpr std::uint64_t kWriteFile = bit(1);
constexpr std::uint64_t kReadFile = bit(2);
constexpr std::uint64_t kTruncate = bit(14);
/// Removing (4, 5), making (6 to 12) and moving (13) entries.
constexpr std::uint64_t kEntries = bit(14) - bit(4);

struct Ruleset {
    std::uint64_t handled;
};
struct PathBeneath {
    std::uint64_t allowed;
    std::int32_t parent;
} __attribute__((packed));

long version() { return ::syscall(kCreateRuleset, nullptr, std::size_t{0}, kAskVersion); }

std::uint64_t file_rights() {
    const auto newer = version() >= kVersionWithTruncate ? kTruncate : 0;
    return kExecute | kWriteFile | kReadFile | newer;
}

/// False: not allowed, and that for another reason than that it is gone.
bool allow(int ruleset, int folder, const char* name) {
    const FileDescriptor entry{::openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    struct stat facts {};
    if (!entry.valid() || ::fstat(entry.get(), &facts) != 0) return errno == ENOENT;
    if (S_ISLNK(facts.st_mode)) return true;  // what it leads to has a rule, or shall not
    const PathBeneath rule{S_ISDIR(facts.st_mode) ? file_rights() | kEntries : file_rights(),
                           entry.get()};
    return ::syscall(kAddRule, ruleset, kPathBeneath, &rule, 0U) == 0;
}

bool allow_all_but(int ruleset, const std::string& folder, const std::string& name) {
    const std::unique_ptr<DIR, int (*)(DIR*)> all{::opendir(folder.c_str()), ::closedir};
    if (!all) return false;
    while (const dirent* entry = ::readdir(all.get())) {
        const std::string_view found = entry->d_name;
        if (found == "." || found == ".." || found == name) continue;
        if (!allow(ruleset, ::dirfd(all.get()), entry->d_name)) return false;
    }
    return true;
}

}  // namespace

bool has_landlock() { return version() >= kVersionMin; }

Result<FileDescriptor> all_but(const std::string& folder) {
    const Ruleset wanted{file_rights() | kEntries};
    FileDescriptor ruleset{static_cast<int>(::syscall(kCreateRuleset, &wanted, sizeof wanted, 0U))};
    if (!has_landlock() || !ruleset.valid())
        return fail(ErrorCode::unavailable, "this kernel cannot keep scripts from {}", folder);
    std::filesystem::path walked{"/"};
    for (const auto& name : std::filesystem::path{folder}.relative_path()) {
        if (!allow_all_but(ruleset.get(), walked.string(), name.string()))
            return fail(ErrorCode::unavailable, "cannot keep scripts from {}: {}: {}", folder,
                        walked.string(), std::strerror(errno));
        walked /= name;
    }
    return ruleset;
}

bool enforce(int ruleset) { return ::syscall(kRestrictSelf, ruleset, 0U) == 0; }

}  // namespace tidegate::agent
