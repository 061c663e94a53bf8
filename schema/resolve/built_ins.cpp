#include "schema/resolve/built_ins.h"

#include <algorithm>

#include "schema/model/slots.h"

namespace tidegate {
namespace {

constexpr auto kBuiltIns = std::to_array<BuiltIn>({
    {"APP_DIR", FilledBy::agent, true},
    {"APP_ENV", FilledBy::daemon, false},
    {"APP_NAME", FilledBy::daemon, true},
    {"APP_VERSION", FilledBy::daemon, false},
    {"ARTIFACT_SHA256", FilledBy::daemon, false},
    {"ARTIFACT_URL", FilledBy::daemon, false},
    {"BACKUP_DIR", FilledBy::agent, true},
    {"CONTAINER_NAME", FilledBy::nobody, true},
    {"CURRENT_VERSION", FilledBy::daemon, false},
    {"GIT_BRANCH", FilledBy::daemon, false},
    {"GIT_COMMIT", FilledBy::daemon, false},
    {"GIT_COMMIT_SHORT", FilledBy::daemon, false},
    {"GIT_MESSAGE", FilledBy::daemon, false},
    {"GIT_REPO", FilledBy::daemon, false},
    {"GIT_TAG", FilledBy::nobody, false},
    {"IMAGE_FULL", FilledBy::nobody, true},
    {"IMAGE_NAME", FilledBy::nobody, true},
    {"IMAGE_REGISTRY", FilledBy::nobody, true},
    {"IMAGE_TAG", FilledBy::nobody, true},
    {"K8S_CLUSTER", FilledBy::nobody, true},
    {"K8S_CONTEXT", FilledBy::nobody, true},
    {"K8S_DEPLOYMENT", FilledBy::nobody, true},
    {"K8S_NAMESPACE", FilledBy::nobody, true},
    {"K8S_REPLICAS", FilledBy::nobody, true},
    {"KEEP_DATA", FilledBy::daemon, false},
    {"LIVE_SLOT", FilledBy::daemon, false},
    {"LOG_DIR", FilledBy::agent, true},
    {"OTHER_SLOT", FilledBy::daemon, false},
    {"RELEASE_ENV", FilledBy::daemon, false},
    {"RELEASE_ID", FilledBy::daemon, false},
    {"RELEASE_TIME", FilledBy::daemon, false},
    {"RELEASE_TIMESTAMP", FilledBy::daemon, false},
    {"RELEASE_USER", FilledBy::daemon, false},
    {"RELEASE_VERSION", FilledBy::daemon, false},
    {"ROLLBACK_VERSION", FilledBy::daemon, false},
    {"SLOT", FilledBy::daemon, false},
    {"TARGET_CLIENT_ID", FilledBy::daemon, false},
    {"TARGET_HOST", FilledBy::daemon, false},
    {"TARGET_ID", FilledBy::daemon, false},
    {"TARGET_IP", FilledBy::agent, false},
    {"TARGET_LABELS", FilledBy::daemon, false},
    {"TARGET_NAME", FilledBy::daemon, false},
    {"TEMP_DIR", FilledBy::agent, true},
    {"WORK_DIR", FilledBy::agent, false},
});
static_assert(std::is_sorted(kBuiltIns.begin(), kBuiltIns.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));

}  // namespace

std::span<const BuiltIn> built_ins() { return kBuiltIns; }

const BuiltIn* find_built_in(std::string_view name) {
    const auto found = std::lower_bound(kBuiltIns.begin(), kBuiltIns.end(), name,
                                        [](const BuiltIn& a, auto b) { return a.name < b; });
    return found != kBuiltIns.end() && found->name == name ? &*found : nullptr;
}

void add_runtime(Variables& variables, const std::map<std::string, std::string>& values) {
    for (const auto& [name, value] : values) {
        const auto* built_in = find_built_in(name);
        if (built_in != nullptr && built_in->is_default && variables.contains(name)) continue;
        Variable variable;
        variable.value = value;
        variables.insert_or_assign(name, std::move(variable));
    }
}

void add_slots(Variables& variables, std::string_view slot, std::string_view live) {
    const std::map<std::string, std::string_view> values{
        {"SLOT", slot}, {"OTHER_SLOT", other_slot(slot)}, {"LIVE_SLOT", live}};
    for (const auto& [name, value] : values) {
        if (slot.empty() && variables.contains(name)) continue;
        Variable variable;
        variable.value = value;
        variables.insert_or_assign(name, std::move(variable));
    }
}

}  // namespace tidegate
