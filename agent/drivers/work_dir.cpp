#include "agent/drivers/work_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace tidegate::agent {

namespace fs = std::filesystem;

namespace {

/// Absolute, links resolved as far as the path exists, no `..` beyond.
Result<fs::path> real_path(const std::string& text) {
    const fs::path path{text};
    if (!path.is_absolute())
        return fail(ErrorCode::invalid, "work_dir must be an absolute path, got '{}'", text);
    if (std::find(path.begin(), path.end(), "..") != path.end())
        return fail(ErrorCode::invalid, "work_dir must not contain '..', got '{}'", text);
    std::error_code error;
    auto real = fs::weakly_canonical(path, error);
    if (error) return fail(ErrorCode::denied, "work_dir '{}': {}", text, error.message());
    if (!real.has_filename()) real = real.parent_path();
    return real;
}

Result<fs::path> allowed_path(const WorkDirRules& rules) {
    const auto path = TRY(real_path(rules.work_dir));
    if (!rules.target_work_dir.empty() && !lies_below(path, TRY(real_path(rules.target_work_dir))))
        return fail(ErrorCode::invalid, "work_dir '{}' is not below the target's '{}'",
                    path.string(), rules.target_work_dir);
    bool allowed = rules.host_roots.empty();
    for (const auto& root : rules.host_roots)
        allowed = allowed || lies_below(path, TRY(real_path(root)));
    if (!allowed)
        return fail(ErrorCode::denied, "work_dir '{}' is not below any work_dirs of agent.yaml",
                    path.string());
    return path;
}

/// Permission to pass through a folder is enough for it; reading it may be forbidden.
constexpr int kFolder = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/// One component, never through a link: the path has none, so a link came in behind our back.
Result<FileDescriptor> enter(const FileDescriptor& parent, const fs::path& name,
                             const WorkDirRules& rules, bool make) {
    const bool made = make && ::mkdirat(parent.get(), name.c_str(), 0755) == 0;
    FileDescriptor next{::openat(parent.get(), name.c_str(), kFolder)};
    if (!next.valid())
        return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::denied, "work_dir '{}': {}",
                    rules.work_dir, std::strerror(errno));
    if (made && rules.owner != nullptr &&
        ::fchownat(next.get(), "", rules.owner->uid, rules.owner->gid, AT_EMPTY_PATH) != 0)
        return fail(ErrorCode::denied, "work_dir '{}': {}", rules.work_dir, std::strerror(errno));
    return next;
}

Result<WorkDir> walk(const WorkDirRules& rules, bool make) {
    const auto path = TRY(allowed_path(rules));
    FileDescriptor at{::open("/", kFolder)};
    for (const auto& name : path.relative_path()) at = TRY(enter(at, name, rules, make));
    return WorkDir{path.string(), std::move(at)};
}

}  // namespace

bool lies_below(const fs::path& path, const fs::path& root) {
    const auto [end, unused] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
    return end == root.end();
}

std::string default_work_dir(const std::string& configured, const std::string& target_work_dir,
                             const std::string& project) {
    if (!configured.empty()) return configured;
    return (target_work_dir.empty() ? "/opt/apps" : target_work_dir) + '/' + project;
}

Result<std::optional<WorkDir>> find_work_dir(const WorkDirRules& rules) {
    auto found = walk(rules, false);
    if (found) return std::optional<WorkDir>{std::move(*found)};
    if (found.error().code == ErrorCode::not_found) return std::optional<WorkDir>{};
    return fail(std::move(found).error());
}

Result<WorkDir> open_work_dir(const WorkDirRules& rules) { return walk(rules, true); }

}  // namespace tidegate::agent
