#include "tests/simulation/engine/documents.h"

#include <fmt/core.h>

#include <algorithm>

#include "schema/config/read.h"
#include "schema/resolve/resolve.h"

namespace tidegate::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kParsedKept = 20'000;

std::string header(const char* kind) {
    return fmt::format("apiVersion: tidegate/v1\nkind: {}\n", kind);
}

std::string clock(std::chrono::minutes time) {
    return fmt::format("\"{:02}:{:02}\"", time.count() / 60, time.count() % 60);
}

std::string slots_text(const char* name, const std::vector<WindowSlot>& slots) {
    if (slots.empty()) return "";
    auto text = fmt::format("  {}:\n", name);
    for (const auto& slot : slots) {
        std::string days;
        for (const int day : slot.days) days += fmt::format("{}{}", days.empty() ? "" : ", ", day);
        if (!days.empty()) days = fmt::format("days: [{}], ", days);
        text += fmt::format("    - {{{}start_time: {}, end_time: {}}}\n", days, clock(slot.start),
                            clock(slot.end));
    }
    return text;
}

std::string window_text(const ReleaseWindow& window) {
    return fmt::format("release_window:\n  on_close: {}\n", to_string(window.on_close)) +
           slots_text("allowed_windows", window.allowed) + slots_text("deny_windows", window.deny);
}

std::string failures_text(const Strategy& strategy) {
    return strategy.max_failed ? fmt::format("max_failed: {}, ", strategy.max_failed->value) : "";
}

std::string traffic_text(const Strategy& strategy, std::string_view more = "") {
    if (!strategy.traffic) return "";
    std::string routers;
    for (const auto& router : strategy.traffic->targets)
        routers += (routers.empty() ? "" : ", ") + router.name;
    return fmt::format(
        "traffic: {{router: haproxy, targets: [{}], "
        "config: {{socket: /run/lb.sock, backend: \"${{APP_NAME}}\"{}}}}}, ",
        routers, more);
}

std::string canary_text(const Strategy& strategy) {
    std::string steps;
    for (const auto& step : strategy.steps)
        steps += fmt::format("{}{{percent: {}, verify_duration: {}}}", steps.empty() ? "" : ", ",
                             *step.percent, step.verify_duration.count());
    return fmt::format(
        "strategy: {{type: canary, config: {{{}{}steps: [{}], auto_promote: {}, max_unavailable: "
        "{}, "
        "health_check: {{type: tcp, port: 80}}}}}}\n",
        failures_text(strategy), traffic_text(strategy), steps, strategy.auto_promote,
        strategy.max_unavailable.value_or(Amount{}).value);
}

std::string blue_green_text(const Strategy& strategy) {
    std::string steps;
    for (const auto& step : strategy.steps)
        steps += fmt::format("{}{{weight: {}, verify_duration: {}}}", steps.empty() ? "" : ", ",
                             *step.weight, step.verify_duration.count());
    if (!steps.empty()) steps = fmt::format("canary: {{steps: [{}]}}, ", steps);
    return fmt::format(
        "strategy: {{type: blue_green, config: {{{}{}{}auto_promote: {}, keep_old: {}, "
        "verify_duration: {}, health_check: {{type: tcp, port: \"${{PORT}}\"}}}}}}\n",
        failures_text(strategy), traffic_text(strategy, ", server_before: \"${TARGET_NAME}\""),
        steps, strategy.auto_promote, strategy.keep_old.count(), strategy.verify_duration.count());
}

std::string strategy_text(const Strategy& strategy) {
    if (strategy.type == StrategyType::blue_green) return blue_green_text(strategy);
    if (strategy.type == StrategyType::canary) return canary_text(strategy);
    if (strategy.type != StrategyType::rolling)
        return fmt::format("strategy: {{type: {}}}\n", to_string(strategy.type));
    return fmt::format(
        "strategy: {{type: rolling, config: {{{}{}batch_size: {}, batch_interval: {}, "
        "max_unavailable: {}}}}}\n",
        failures_text(strategy), traffic_text(strategy),
        strategy.batch_size.value_or(Amount{}).value, strategy.batch_interval.count(),
        strategy.max_unavailable.value_or(Amount{}).value);
}

Spec spec_of(const Version& version) {
    Spec spec{version.version, version.absent,       version.paused,
              version.retry,   version.forward_only, version.operation};
    spec.promote = version.promote;
    for (const auto& pin : version.pins) spec.pins[pin.target.name] = pin.version;
    return spec;
}

Fleet::Place place_of(const Environment& environment) {
    Fleet::Place place;
    for (const auto& target : environment.targets)
        place.targets.push_back({target.name, target.agent});
    place.strategy = environment.strategy.value_or(Strategy{});
    place.rollback = environment.rollback.value_or(RollbackRules{});
    place.offline = environment.offline.value_or(Offline::skip);
    if (environment.window) place.window = std::get<ReleaseWindow>(*environment.window);
    return place;
}

bool covers(const WindowSlot& slot, std::chrono::sys_days day, Timestamp now) {
    const auto weekday = static_cast<int>(std::chrono::weekday{day}.iso_encoding());
    if (!slot.days.empty() && !slot.days.contains(weekday)) return false;
    const auto end = slot.end <= slot.start ? slot.end + 24h : slot.end;
    return now >= day + slot.start && now < day + end;
}

bool covers(const std::vector<WindowSlot>& slots, Timestamp now) {
    const auto today = std::chrono::floor<std::chrono::days>(now);
    return std::ranges::any_of(slots, [&](const WindowSlot& slot) {
        return covers(slot, today, now) || covers(slot, today - std::chrono::days{1}, now);
    });
}

}  // namespace

bool is_open(const ReleaseWindow& window, Timestamp now) {
    return (window.allowed.empty() || covers(window.allowed, now)) && !covers(window.deny, now);
}

void Config::take(const std::string& path, const ParsedFile* file) {
    const auto slash = path.find('/');
    const auto name = path.substr(slash + 1, path.size() - slash - 6);  // without `.yaml`
    if (const auto key = key_of_version_path(path)) {
        if (!file)
            specs.erase(*key);
        else if (file->document)
            specs[*key] = spec_of(std::get<Version>(*file->document));
    } else if (path.starts_with("environments/")) {
        if (!file)
            fleet.environments.erase(name);
        else if (file->document)
            fleet.environments[name] = place_of(std::get<Environment>(*file->document));
    } else if (file && file->document) {
        const auto& project = std::get<Project>(*file->document);
        fleet.projects[name] = project.deploy.script.install_script;
        fleet.slotted = !project.deploy.script.work_dir.empty();
    }
}

std::string text_of(const Spec& spec) {
    auto text = header("Version");
    if (!spec.note.empty()) text += fmt::format("# {}\n", spec.note);
    text += fmt::format("version: \"{}\"\n", spec.version);
    if (spec.absent) text += "state: absent\n";
    if (spec.paused) text += "paused: true\n";
    if (spec.retry > 0) text += fmt::format("retry: {}\n", spec.retry);
    if (spec.forward_only) text += "forward_only: true\n";
    if (spec.promote)
        text += fmt::format(
            "promote: {{version: \"{}\", {}}}\n", spec.promote->version,
            spec.promote->full ? "to: full" : fmt::format("step: {}", spec.promote->step));
    if (spec.operation != Operation::deploy)
        text += fmt::format("operation: {}\n", to_string(spec.operation));
    if (!spec.pins.empty()) text += "pins:\n";
    for (const auto& [target, version] : spec.pins)
        text += fmt::format("  - {{target: {}, version: \"{}\"}}\n", target, version);
    return text;
}

std::string text_of(const std::string& environment, const Fleet::Place& place) {
    const auto& rollback = place.rollback;
    auto text = header("Environment") + fmt::format("name: {}\n", environment);
    text += strategy_text(place.strategy);
    if (place.strategy.type == StrategyType::blue_green)
        text +=
            "variables:\n"
            "  PORT: {type: slot_specific, values: {blue: \"80\", green: \"81\"}}\n";
    text += fmt::format(
        "rollback: {{granularity: {}, auto_rollback: {}, respect_windows: {}}}\noffline: {}\n",
        to_string(rollback.granularity), rollback.auto_rollback, rollback.respect_windows,
        to_string(place.offline));
    if (place.window) text += window_text(*place.window);
    text += place.targets.empty() ? "targets: []\n" : "targets:\n";
    for (const auto& target : place.targets)
        text += fmt::format("  - {{name: {}, agent: {}}}\n", target.name, target.agent);
    return text;
}

std::string project_text(const std::string& name, const std::string& script, bool slotted) {
    auto text = header("Project") + fmt::format("name: {}\n", name);
    text += fmt::format("deploy:\n  type: script\n  config:\n    install_script: \"{}\"\n", script);
    if (name == "shop") text += "    rollback_script: rollback\n";
    if (slotted) text += fmt::format("    work_dir: \"/srv/{}-${{SLOT}}\"\n", name);
    return text;
}

std::string environment_path(const std::string& name) { return "environments/" + name + ".yaml"; }
std::string project_path(const std::string& name) { return "projects/" + name + ".yaml"; }

std::shared_ptr<const ParsedFile> parse(const std::string& path, const std::string& text) {
    thread_local std::map<std::pair<std::string, std::string>, std::shared_ptr<const ParsedFile>>
        known;
    if (known.size() > kParsedKept) known.clear();
    auto& file = known[{path, text}];
    if (!file) file = std::make_shared<const ParsedFile>(config::read_document(path, text));
    return file;
}

}  // namespace tidegate::simulation
