#include "schema/files/landlock.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "schema/files/file_descriptor.h"

namespace tidegate {
namespace {

// As in <linux/landlock.h>, whose version on Debian 12 lacks the newer ones.
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

constexpr long kVersionMin = 2;  ///< version 1 forbids to rename between folders, as Git does

struct RulesetAttributes {
    std::uint64_t handled_files = 0;
    std::uint64_t handled_net = 0;  // since version 4
    std::uint64_t scoped = 0;       // since version 6
};
struct [[gnu::packed]] BeneathAttributes {
    std::uint64_t allowed = 0;
    std::int32_t folder = -1;
};

/// All rights over files that this version knows: what is not named in a rule is then forbidden.
std::uint64_t rights_of(long version) {
    auto rights = (kRefer << 1U) - 1;
    if (version >= 3) rights |= kTruncate;
    if (version >= 5) rights |= kIoctl;
    return rights;
}

std::size_t attributes_size(long version) {
    return sizeof(std::uint64_t) * (version >= 6 ? 3 : version >= 4 ? 2 : 1);
}

Result<void> allow(int ruleset, const Reach& reach, std::uint64_t known) {
    const FileDescriptor place{::open(reach.path.c_str(), O_PATH | O_CLOEXEC)};
    struct stat status {};
    if (place.get() < 0 || ::fstat(place.get(), &status) != 0) return {};
    auto rights = kReadFile | kReadFolder;
    if (reach.write) rights = known & ~(kExecute | kMakeCharDevice | kMakeBlockDevice);
    if (!S_ISDIR(status.st_mode)) rights &= kOfFiles;
    const BeneathAttributes beneath{rights & known, place.get()};
    if (::syscall(kAddRule, ruleset, kPathBeneath, &beneath, 0) == 0) return {};
    return fail(ErrorCode::internal, "landlock, {}: {}", reach.path, std::strerror(errno));
}

}  // namespace

Result<void> confine(const std::vector<Reach>& allowed) {
    const auto version = ::syscall(kCreateRuleset, nullptr, 0, kAskVersion);
    if (version < kVersionMin)
        return fail(ErrorCode::unavailable,
                    "the kernel has no Landlock, or only its first version");
    const RulesetAttributes wanted{rights_of(version), 0, kScopes};
    const FileDescriptor ruleset{
        static_cast<int>(::syscall(kCreateRuleset, &wanted, attributes_size(version), 0))};
    if (ruleset.get() < 0) return fail(ErrorCode::internal, "landlock: {}", std::strerror(errno));
    for (const auto& reach : allowed) CHECK(allow(ruleset.get(), reach, wanted.handled_files));
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(kRestrictSelf, ruleset.get(), 0) != 0)
        return fail(ErrorCode::internal, "landlock: {}", std::strerror(errno));
    return {};
}

}  // namespace tidegate
