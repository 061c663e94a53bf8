#include "agent/daemon/host_rules.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "agent/drivers/cgroup.h"

namespace tidegate::agent {
namespace {

/// For the bodies of scripts that may not read the data dir. Everybody's, so nothing in it but what
/// was just made is ever touched.
constexpr const char* kOpenTmpDir = "/tmp";

/// The first address that is not the loopback's.
std::string find_address() {
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) return "127.0.0.1";
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all{first, ::freeifaddrs};
    for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
        if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET) continue;
        if ((at->ifa_flags & IFF_LOOPBACK) != 0) continue;
        char text[INET_ADDRSTRLEN];
        const auto* address = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
        if (::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text) != nullptr) return text;
    }
    return "127.0.0.1";
}

Result<std::optional<ProcessUser>> script_user(const AgentConfig& config) {
    std::optional<ProcessUser> user;
    if (!config.run_as.empty()) user = TRY(find_user(config.run_as));
    const uid_t uid = user ? user->uid : ::geteuid();
    if (uid == 0 && !config.allow_root)
        return fail(ErrorCode::denied,
                    "scripts would run as root: set run_as in agent.yaml, or allow_root (or "
                    "--allow-root) if that is meant");
    if (uid == ::geteuid()) return std::optional<ProcessUser>{};
    if (::geteuid() != 0)
        return fail(ErrorCode::denied, "run_as '{}' needs an agent that runs as root",
                    config.run_as);
    return user;
}

/// `exhausted`: the disk, or a quota, has no room for it.
Result<void> make_folder(const std::string& path, mode_t mode) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (!error && ::chmod(path.c_str(), mode) != 0) error = {errno, std::generic_category()};
    if (!error) return {};
    const bool full = error == std::errc::no_space_on_device || error.value() == EDQUOT;
    return fail(full ? ErrorCode::exhausted : ErrorCode::unavailable, "cannot make {}: {}", path,
                error.message());
}

}  // namespace

Result<void> make_data_dir(const std::string& path) {
    std::error_code error;
    return std::filesystem::exists(path, error) ? Result<void>{} : make_folder(path, 0711);
}

Result<HostRules> make_host_rules(AgentConfig config, const std::string& data_dir) {
    HostRules rules;
    rules.limits.user = TRY(script_user(config));
    rules.exposure = find_exposure(data_dir, rules.limits.user.has_value(), config.allow_sudo);
    rules.limits.closed_folder = rules.exposure.closed_folder;
    rules.limits.tmp_dir = rules.limits.closed_folder.empty() ? data_dir + "/tmp" : kOpenTmpDir;
    std::error_code error;
    rules.limits.agent = std::filesystem::weakly_canonical(data_dir, error).string();
    rules.limits.supervision = {"/proc/self/exe", data_dir + "/run", own_cgroup()};
    rules.limits.work_dirs = config.work_dirs;
    rules.limits.no_new_privileges = !config.allow_sudo;
    rules.limits.output_bytes_max = config.output_bytes_max;
    rules.config = std::move(config);
    rules.host_address = find_address();
    return rules;
}

Result<void> make_tmp_dir(const HostRules& rules) {
    const auto& path = rules.limits.tmp_dir;
    if (path == kOpenTmpDir) return {};
    // The folder itself stays: on a full disk it could not be made again.
    CHECK(make_folder(path, 0711));
    std::error_code error;
    for (const auto& old : std::filesystem::directory_iterator{path, error})
        std::filesystem::remove_all(old.path(), error);
    if (!rules.limits.user) return {};
    const auto& user = *rules.limits.user;
    const auto closed = TRY(closed_folder(user, path));
    if (closed.empty()) return {};
    return fail(ErrorCode::denied,
                "user '{}' (run_as) may not pass through {}, and its scripts are run from {}: "
                "`chmod o+x {}`, or choose another --data-dir",
                user.name, closed, path, closed);
}

Result<FormerRuns> end_former_runs(const HostRules& rules) {
    const auto& path = rules.limits.supervision.run_dir;
    CHECK(make_folder(path, 0700));
    return FormerRuns::end_all(path);
}

std::string refusal(const HostRules& rules, const Action& action) {
    const auto& config = rules.config;
    const auto allows = [](const std::set<std::string>& allowed, std::string_view name) {
        return allowed.empty() || allowed.contains(std::string{name});
    };
    const auto driver = to_string(action.deploy.type);
    if (!allows(config.targets, action.key.target))
        return fmt::format("agent.yaml does not serve target '{}'", action.key.target);
    if (!allows(config.projects, action.key.project))
        return fmt::format("agent.yaml does not allow project '{}'", action.key.project);
    if (!allows(config.drivers, driver))
        return fmt::format("agent.yaml does not allow driver '{}'", driver);
    if (action.deploy.type != DeployType::script)
        return fmt::format("this agent has no driver '{}'", driver);
    return {};
}

}  // namespace tidegate::agent
