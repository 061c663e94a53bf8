#include "schema/resolve/slots.h"

#include <fmt/core.h>

#include <array>
#include <optional>
#include <set>
#include <string>

#include "schema/model/slots.h"
#include "schema/resolve/built_ins.h"
#include "schema/resolve/repo_scope.h"
#include "schema/resolve/work_dirs.h"

namespace tidegate {
namespace {

constexpr std::array kNoSlots{std::string_view{}};

/// Stands for what is known later: the same in both slots, but for folders that lie in WORK_DIR.
Variables known_later(std::string_view slot) {
    static const std::set<std::string_view> kFolders{"APP_DIR", "BACKUP_DIR", "LOG_DIR",
                                                     "WORK_DIR"};
    Variables variables;
    for (const auto& built_in : built_ins())
        variables[std::string{built_in.name}].value =
            fmt::format("${{{}}}{}", built_in.name, kFolders.contains(built_in.name) ? slot : "");
    return variables;
}

/// Compares what the two slots have.
class SlotCheck {
public:
    SlotCheck(const Definition& definition, const DesiredTarget& target, const Strategy& strategy)
        : definition_{definition},
          target_{target},
          strategy_{strategy},
          blue_{definition, target, kBlue, known_later(kBlue)},
          green_{definition, target, kGreen, known_later(kGreen)} {}

    std::vector<Error> run() {
        check_work_dir();
        check_unit();
        if (definition_.health_check) check(*definition_.health_check, strategy_.position);
        for (const auto* stage :
             {&definition_.pipeline.release, &definition_.pipeline.post_release})
            for (const auto& task : *stage)
                if (task.type == TaskType::health_check) check(task.check, task.position);
        return std::move(errors_);
    }

private:
    void check_work_dir() {
        const auto blue = folder_of(definition_, target_, blue_);
        const auto green = folder_of(definition_, target_, green_);
        if (!blue || !green) return;
        const auto& place = definition_.deploy.position;
        if (*blue == *green)
            add(place, fmt::format("work_dir is {} in both slots", *blue),
                "${SLOT} in it, as in /opt/apps/${APP_NAME}-${SLOT}");
        else if (blue->starts_with(*green) || green->starts_with(*blue))
            add(place,
                fmt::format("work_dir is {} in blue and {} in green, one in the other", *blue,
                            *green),
                "two apart, as /opt/apps/${APP_NAME}-${SLOT}");
    }

    void check_unit() {
        if (const auto unit = same(definition_.deploy.script.service.unit))
            add(definition_.deploy.position, fmt::format("service.unit is {} in both slots", *unit),
                "${SLOT} in it, as in app@${SLOT}");
    }

    void check(const HealthCheck& check, const Position& place) {
        if (check.type == CheckType::script) return;
        const auto address = check.type == CheckType::http ? check.url
                             : check.host.empty()          ? "localhost:" + check.port
                                                           : check.host + ':' + check.port;
        if (const auto shared = same(address))
            add(place,
                fmt::format("{} is checked in both slots, so the old side would answer for the "
                            "new one",
                            *shared),
                "another address in each, by ${SLOT} or a variable of type slot_specific");
    }

    /// The text's value, where both slots have the same.
    [[nodiscard]] std::optional<std::string> same(const std::string& text) const {
        const auto blue = expand(text, blue_.get());
        const auto green = expand(text, green_.get());
        if (text.empty() || !blue || !green || *blue != *green) return std::nullopt;
        return *blue;
    }

    void add(const Position& place, const std::string& fault, const std::string& advice) {
        errors_.push_back(
            {ErrorCode::invalid,
             fmt::format("{}: blue_green ({}) needs {}", fault, strategy_.position.text(), advice),
             place});
    }

    const Definition& definition_;
    const DesiredTarget& target_;
    const Strategy& strategy_;
    RepoScope blue_;
    RepoScope green_;
    std::vector<Error> errors_;
};

}  // namespace

std::span<const std::string_view> slots_of(StrategyType strategy) {
    if (strategy == StrategyType::blue_green) return kSlots;
    return kNoSlots;
}

std::vector<Error> slot_faults(const Definition& definition, const DesiredTarget& target,
                               const Strategy& strategy) {
    if (strategy.type != StrategyType::blue_green) return {};
    if (definition.deploy.type != DeployType::script) return {};
    return SlotCheck{definition, target, strategy}.run();
}

}  // namespace tidegate
