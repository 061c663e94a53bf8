#include "agent/daemon/tenants.h"

#include <fmt/core.h>

#include <filesystem>
#include <utility>

#include "agent/daemon/prepare.h"
#include "agent/drivers/work_dir.h"

namespace tidegate::agent {
namespace {

namespace fs = std::filesystem;

/// Links followed as far as it exists; empty if nobody can tell.
fs::path real_place(const Tenant& tenant) {
    std::error_code error;
    auto path = fs::weakly_canonical(tenant.work_dir, error);
    if (error) return {};
    return path.has_filename() ? path : path.parent_path();
}

/// How `path` lies to `other`; empty: apart.
std::string_view relation(const fs::path& path, const fs::path& other) {
    if (path.empty() || other.empty()) return {};
    if (path == other) return "is";
    if (lies_below(path, other)) return "lies in";
    return lies_below(other, path) ? "contains" : std::string_view{};
}

bool installs(ActionKind kind) {
    return kind == ActionKind::deploy || kind == ActionKind::install || kind == ActionKind::update;
}

}  // namespace

Result<Tenant> tenant_of(const HostRules& rules, const Action& action) {
    auto work_dir = TRY(work_dir_of(rules, action));
    return Tenant{action.key, std::move(work_dir), action.deploy.script.shared_work_dir};
}

std::string clash(const HostRules& rules, const Action& action, const Tenants& tenants) {
    const bool removes =
        action.kind == ActionKind::uninstall && !action.deploy.script.uninstall_script.empty();
    const auto self = tenant_of(rules, action);
    if (!self || (!removes && !installs(action.kind))) return {};
    const auto place = real_place(*self);
    if (!removes && tenants.now && real_place(*tenants.now) == place) return {};
    for (const auto& other : tenants.others) {
        const auto how = relation(place, real_place(other));
        if (how.empty() || (self->shared && other.shared)) continue;
        return fmt::format("work_dir '{}' {} '{}' of {}; {} needs shared_work_dir: true in both",
                           self->work_dir, how, other.work_dir, other.key.text(),
                           removes ? "to run an uninstall_script there" : "to be installed there");
    }
    return {};
}

}  // namespace tidegate::agent
