#include "agent/drivers/work_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace tidegate::agent {

namespace fs = std::filesystem;

namespace {

/// Absolute, without dots; its text alone counts.
Result<fs::path> plain_path(const std::string& text) {
    const fs::path path{text};
    if (!path.is_absolute())
        return fail(ErrorCode::invalid, "work_dir must be an absolute path, got '{}'", text);
    if (std::find(path.begin(), path.end(), "..") != path.end())
        return fail(ErrorCode::invalid, "work_dir must not contain '..', got '{}'", text);
    const auto plain = path.lexically_normal();
    return plain.has_filename() ? plain : plain.parent_path();
}

/// Links resolved as far as the path exists.
Result<fs::path> real_path(const std::string& text) {
    std::error_code error;
    const auto real = fs::weakly_canonical(TRY(plain_path(text)), error);
    if (error) return fail(ErrorCode::denied, "work_dir '{}': {}", text, error.message());
    return real;
}

/// What lies elsewhere only by a link is no fault of the repo's.
Result<void> check_target(const fs::path& path, const WorkDirRules& rules) {
    const auto& root = rules.target_work_dir;
    if (root.empty() || lies_below(path, TRY(real_path(root)))) return {};
    if (lies_below(TRY(plain_path(rules.work_dir)), TRY(plain_path(root))))
        return fail(ErrorCode::denied,
                    "work_dir '{}' is not below the target's '{}': a link on this host leads out "
                    "of it",
                    path.string(), root);
    return fail(ErrorCode::invalid, "work_dir '{}' is not below the target's '{}'", path.string(),
                root);
}

Result<fs::path> allowed_path(const WorkDirRules& rules) {
    const auto path = TRY(real_path(rules.work_dir));
    CHECK(check_target(path, rules));
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

/// Makes a folder with the rights of the scripts' user, in a process of its own; 0 or an errno.
int make_as(const ProcessUser& user, const FileDescriptor& parent, const char* name) {
    constexpr int kNotAllowed = EPERM;
    const pid_t child = ::fork();
    if (child == 0) {
        if (!become_user(user)) ::_exit(kNotAllowed);
        ::_exit(::mkdirat(parent.get(), name, 0755) == 0 ? 0 : errno);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return EAGAIN;
    return WEXITSTATUS(status);
}

tl::unexpected<Error> cannot_make(const WorkDirRules& rules, const fs::path& path, int error) {
    return fail(ErrorCode::unavailable, "work_dir '{}': cannot make {}: {}", rules.work_dir,
                path.string(), std::strerror(error));
}

enum class HostPlace { below_root, above_root, elsewhere };

/// Seen from the roots that the host's owner named.
HostPlace place_of(const fs::path& path, const std::vector<std::string>& roots) {
    auto place = HostPlace::elsewhere;
    for (const auto& root : roots) {
        const auto real = real_path(root);
        if (!real) continue;
        if (lies_below(path, *real)) return HostPlace::below_root;
        if (lies_below(*real, path)) place = HostPlace::above_root;
    }
    return place;
}

/// With the rights of the agent; false: it is there already.
Result<bool> make_here(const FileDescriptor& parent, const fs::path& path,
                       const WorkDirRules& rules) {
    if (::mkdirat(parent.get(), path.filename().c_str(), 0755) == 0) return true;
    if (errno != EEXIST) return cannot_make(rules, path, errno);
    return false;
}

/// What the agent may make and the scripts' user may not, it gives away only below a root that the
/// host's owner named: a repo that names /etc/systemd/system/x.service.d must not get it. There the
/// user cannot write to the parent, so nobody puts another folder in the place of the new one.
Result<bool> make_for(const ProcessUser& user, const FileDescriptor& parent, const fs::path& path,
                      const WorkDirRules& rules) {
    const auto name = path.filename();
    const int error = make_as(user, parent, name.c_str());
    if (error == 0 || error == EEXIST) return false;
    if (error != EACCES && error != EPERM) return cannot_make(rules, path, error);
    const auto place = place_of(path, rules.host_roots);
    if (place == HostPlace::elsewhere)
        return fail(ErrorCode::denied,
                    "work_dir '{}': user '{}' cannot make {} ({}); make it, or name a folder above "
                    "it in work_dirs of agent.yaml",
                    rules.work_dir, user.name, path.string(), std::strerror(error));
    return TRY(make_here(parent, path, rules)) && place == HostPlace::below_root;
}

/// One component, never through a link: the path has none, so a link came in behind our back.
Result<FileDescriptor> enter(const FileDescriptor& parent, const fs::path& path,
                             const WorkDirRules& rules, bool make) {
    const auto name = path.filename();
    FileDescriptor next{::openat(parent.get(), name.c_str(), kFolder)};
    bool give = false;
    if (!next.valid() && errno == ENOENT && make) {
        if (rules.owner != nullptr)
            give = TRY(make_for(*rules.owner, parent, path, rules));
        else
            (void)TRY(make_here(parent, path, rules));
        next = FileDescriptor{::openat(parent.get(), name.c_str(), kFolder)};
    }
    if (!next.valid())
        return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::denied, "work_dir '{}': {}",
                    rules.work_dir, std::strerror(errno));
    if (give && ::fchownat(next.get(), "", rules.owner->uid, rules.owner->gid, AT_EMPTY_PATH) != 0)
        return fail(ErrorCode::denied, "work_dir '{}': {}", rules.work_dir, std::strerror(errno));
    return next;
}

Result<FileDescriptor> walk_to(const fs::path& path, const WorkDirRules& rules, bool make) {
    FileDescriptor at{::open("/", kFolder)};
    fs::path walked{"/"};
    for (const auto& name : path.relative_path()) at = TRY(enter(at, walked /= name, rules, make));
    return at;
}

Result<WorkDir> walk(const WorkDirRules& rules, bool make) {
    const auto path = TRY(allowed_path(rules));
    auto directory = TRY(walk_to(path, rules, make));
    return WorkDir{path.string(), std::move(directory)};
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

Result<void> remove_work_dir(const WorkDirRules& rules) {
    const auto path = TRY(allowed_path(rules));
    const bool may =
        rules.owner == nullptr || place_of(path, rules.host_roots) == HostPlace::below_root;
    const auto parent = walk_to(path.parent_path(), rules, false);
    if (!may || !parent) return {};
    if (::unlinkat(parent->get(), path.filename().c_str(), AT_REMOVEDIR) == 0 ||
        (errno != ENOTEMPTY && errno != EEXIST))
        return {};
    return fail(ErrorCode::conflict, "work_dir '{}': somebody still writes there", path.string());
}

}  // namespace tidegate::agent
