#include "schema/files/landlock.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>

namespace tidegate {
namespace {

constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr std::uint32_t kAskVersion = 1;
constexpr int kPathBeneath = 1;

constexpr std::uint64_t kExecute = 1U << 0;
constexpr std::uint64_t kWriteFile = 1U << 1;
constexpr std::uint64_t kReadFile = 1U << 2;
constexpr std::uint64_t kReadFolder = 1U << 3;
constexpr std::uint64_t kMakeCharDevice = 1U << 6;
constexpr std::uint64_t kMakeBlockDevice = 1U << 11;
constexpr std::uint64_t kRefer = 1U << 13;     // since version 2
constexpr std::uint64_t kTruncate = 1U << 14;  // since version 3
constexpr std::uint64_t kIoctl = 1U << 15;     // since version 5
constexpr std::uint64_t kScopes = 3;           // abstract sockets, signals; since version 6
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kIoctl;

constexpr long kVersionMin = 2;

struct RulesetAttributes {
    std::uint64_t handled_files = 0;
    std::uint64_t handled_net = 0;  // since version 4
    std::uint64_t scoped = 0;       // since version 6
};
struct [[gnu::packed]] BeneathAttributes {
    std::uint64_t allowed = 0;
    std::int32_t place = -1;
};

long version() { return ::syscall(kCreateRuleset, nullptr, std::size_t{0}, kAskVersion); }

/// All rights over files that the kernel knows: what is not named in a rule is then forbidden.
std::uint64_t known_rights() {
    const auto known = version();
    auto rights = (kRefer << 1U) - 1;
    if (known >= 3) rights |= kTruncate;
    if (known >= 5) rights |= kIoctl;
    return rights;
}

/// Invalid where the kernel cannot.
FileDescriptor make_ruleset(const RulesetAttributes& wanted) {
    const auto known = version();
    if (known < kVersionMin) return {};
    const auto size = sizeof(std::uint64_t) * (known >= 6 ? 3 : known >= 4 ? 2 : 1);
    return FileDescriptor{static_cast<int>(::syscall(kCreateRuleset, &wanted, size, 0U))};
}

bool add_rule(const FileDescriptor& ruleset, const FileDescriptor& place, std::uint64_t rights) {
    const BeneathAttributes beneath{rights, place.get()};
    return ::syscall(kAddRule, ruleset.get(), kPathBeneath, &beneath, 0U) == 0;
}

Result<void> allow(const FileDescriptor& ruleset, const Reach& reach, std::uint64_t known) {
    const FileDescriptor place{::open(reach.path.c_str(), O_PATH | O_CLOEXEC)};
    struct stat status {};
    if (!place.valid() || ::fstat(place.get(), &status) != 0) return {};
    auto rights = kReadFile | kReadFolder;
    if (reach.write) rights = known & ~(kExecute | kMakeCharDevice | kMakeBlockDevice);
    if (!S_ISDIR(status.st_mode)) rights &= kOfFiles;
    if (add_rule(ruleset, place, rights & known)) return {};
    return fail(ErrorCode::internal, "landlock, {}: {}", reach.path, std::strerror(errno));
}

/// All but to list folders, which a wall around one folder leaves open, and devices' own calls.
std::uint64_t walled_rights() { return known_rights() & ~(kReadFolder | kIoctl); }

/// False: this process lacks what it needs for it. What is gone, or cannot be looked at (a dead
/// mount, another user's), gets no rule and stays closed.
bool allow_entry(const FileDescriptor& ruleset, int folder, const char* name) {
    const FileDescriptor entry{::openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    struct stat status {};
    if (!entry.valid() || ::fstat(entry.get(), &status) != 0)
        return errno != EMFILE && errno != ENFILE && errno != ENOMEM;
    if (S_ISLNK(status.st_mode)) return true;  // what it leads to has a rule, or shall not
    const auto rights = walled_rights();
    return add_rule(ruleset, entry, S_ISDIR(status.st_mode) ? rights : rights & kOfFiles);
}

bool allow_all_but(const FileDescriptor& ruleset, const std::string& folder,
                   const std::string& name) {
    const std::unique_ptr<DIR, int (*)(DIR*)> all{::opendir(folder.c_str()), ::closedir};
    if (!all) return false;
    while (const dirent* entry = ::readdir(all.get())) {
        const std::string_view found = entry->d_name;
        if (found == "." || found == ".." || found == name) continue;
        if (!allow_entry(ruleset, ::dirfd(all.get()), entry->d_name)) return false;
    }
    return true;
}

}  // namespace

bool has_landlock() { return version() >= kVersionMin; }

Result<void> confine(const std::vector<Reach>& allowed) {
    if (!has_landlock())
        return fail(ErrorCode::unavailable,
                    "the kernel has no Landlock, or only its first version");
    const auto known = known_rights();
    const auto ruleset = make_ruleset({known, 0, kScopes});
    if (!ruleset.valid()) return fail(ErrorCode::internal, "landlock: {}", std::strerror(errno));
    for (const auto& reach : allowed) CHECK(allow(ruleset, reach, known));
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !enforce(ruleset.get()))
        return fail(ErrorCode::internal, "landlock: {}", std::strerror(errno));
    return {};
}

Result<FileDescriptor> all_but(const std::string& folder) {
    auto ruleset = make_ruleset({walled_rights()});
    if (!ruleset.valid())
        return fail(ErrorCode::unavailable, "this kernel cannot keep scripts from {}", folder);
    std::filesystem::path walked{"/"};
    for (const auto& name : std::filesystem::path{folder}.relative_path()) {
        if (!allow_all_but(ruleset, walked.string(), name.string()))
            return fail(ErrorCode::unavailable, "cannot keep scripts from {}: {}: {}", folder,
                        walked.string(), std::strerror(errno));
        walked /= name;
    }
    return ruleset;
}

bool enforce(int ruleset) { return ::syscall(kRestrictSelf, ruleset, 0U) == 0; }

}  // namespace tidegate
