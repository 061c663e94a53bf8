#include "agent/daemon/tenants.h"

#include <fmt/core.h>

#include <filesystem>
#include <utility>

#include "agent/daemon/prepare.h"
#include "agent/drivers/work_dir.h"

namespace tidegate::agent {
namespace {

namespace fs = std::filesystem;

fs::path without_slash(const fs::path& path) {
    return path.has_filename() ? path : path.parent_path();
}

/// Links followed as far as it exists; empty if nobody can tell.
fs::path real_place(const Tenant& tenant) {
    std::error_code error;
    const auto path = fs::weakly_canonical(tenant.work_dir, error);
    return error ? fs::path{} : without_slash(path);
}

fs::path configured_place(const Tenant& tenant) {
    return without_slash(fs::path{tenant.work_dir}.lexically_normal());
}

/// How `path` lies to `other`; empty: apart.
std::string_view relation(const fs::path& path, const fs::path& other) {
    if (path.empty() || other.empty()) return {};
    if (path == other) return "is";
    if (lies_below(path, other)) return "lies in";
    return lies_below(other, path) ? "contains" : std::string_view{};
}

struct Removal {
    std::string_view how;  ///< empty: the action removes nothing
    bool whole = false;    ///< the folder itself, which is the agent's word, not a script's
};
Removal removal_by(const Action& action) {
    const auto& script = action.deploy.script;
    if (action.kind != ActionKind::uninstall) return {};
    if (action.key.slot.empty())
        return {script.uninstall_script.empty() ? "" : "to run an uninstall_script there"};
    if (script.slot_remove_script.empty()) return {"to be removed with its folder", true};
    return {"to run a slot_remove_script there"};
}

}  // namespace

Result<Tenant> tenant_of(const HostRules& rules, const Action& action) {
    auto work_dir = TRY(work_dir_of(rules, action));
    return Tenant{action.key, std::move(work_dir), action.deploy.script.shared_work_dir};
}

std::string clash(const HostRules& rules, const Action& action, const Tenants& tenants) {
    const auto [how_removed, whole] = removal_by(action);
    const bool removes = !how_removed.empty();
    const auto self = tenant_of(rules, action);
    if (!self || (!removes && !goes_forward(action.kind))) return {};
    const auto place = real_place(*self);
    if (!removes && tenants.now && real_place(*tenants.now) == place) return {};
    for (const auto& other : tenants.others) {
        // A look at it might wait for ever: it may be another project's mount without its server.
        const auto there = configured_place(other);
        auto how = relation(place, there);
        if (how.empty()) how = relation(configured_place(*self), there);
        if (how.empty() || (self->shared && other.shared && !whole)) continue;
        return fmt::format("work_dir '{}' {} '{}' of {}; {} needs {}", self->work_dir, how,
                           other.work_dir, other.key.text(),
                           removes ? how_removed : "to be installed there",
                           whole ? "a slot_remove_script" : "shared_work_dir: true in both");
    }
    return {};
}

}  // namespace tidegate::agent
