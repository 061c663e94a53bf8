#include "schema/resolve/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "schema/base/limits.h"
#include "schema/model/slots.h"
#include "schema/resolve/built_ins.h"
#include "schema/resolve/expand.h"

namespace tidegate {
namespace {

constexpr std::size_t kHaproxyNameBytesMax = 128;  ///< as its agent has it (agent/routers)
constexpr std::size_t kPerServer = 32;             ///< tags, lengths, slot and weight on the wire
constexpr std::size_t kPerRoute = 4 * 1024;
constexpr std::size_t kTargetsBytesMax = 128 * 1000;  ///< of one variable, for execve(2)
constexpr auto kTargetsIn = "TARGETS_IN";
constexpr auto kTargetsOut = "TARGETS_OUT";

/// One installation that a server's name speaks of.
struct Side {
    const std::string& target;
    const Variables* variables = nullptr;  ///< the target's; null = not known any more
    std::string_view slot;
};

/// Fills in what a traffic block says. Borrows both.
class RouteTexts {
public:
    RouteTexts(const Definition& definition, const Traffic& traffic, StrategyType strategy)
        : definition_{definition},
          traffic_{traffic},
          changes_in_place_{strategy != StrategyType::blue_green} {
        const auto& [environment, project] = definition.key;
        add_runtime(defaults_, {{"APP_NAME", project}});
        add_runtime(known_, {{"APP_ENV", environment}, {"RELEASE_ENV", environment}});
    }

    /// Of the router's own texts, none of which is about a target.
    [[nodiscard]] Result<std::string> of_router(const char* key, const std::string& text) const {
        return value(key, text, router_scope());
    }
    [[nodiscard]] Result<std::string> path(const char* key, const std::string& text) const;
    [[nodiscard]] Result<std::string> backend() const;
    [[nodiscard]] Result<std::string> server(const Side& side) const;
    /// What stands there without slots has a server.
    [[nodiscard]] bool names_before() const {
        return changes_in_place_ || !traffic_.server_before.empty();
    }
    /// For scripts: those that have a value.
    [[nodiscard]] std::map<std::string, std::string> variables(const std::string& slot) const;

private:
    [[nodiscard]] VariableScope router_scope(std::string slot = {}) const {
        VariableScope scope{definition_.key.environment, std::move(slot)};
        scope.add(defaults_).add(definition_.base).add(known_);
        return scope;
    }
    [[nodiscard]] Result<std::string> value(const char* key, const std::string& text,
                                            const VariableScope& scope) const;
    [[nodiscard]] Result<std::string> name(const char* key, const std::string& text,
                                           const VariableScope& scope) const;
    [[nodiscard]] Error explained(Error error, const std::string& text,
                                  const VariableScope& scope) const;
    [[nodiscard]] std::string server_text(std::string_view slot) const;

    const Definition& definition_;
    const Traffic& traffic_;
    bool changes_in_place_;  ///< its strategy has no slots
    Variables defaults_;
    Variables known_;
};

Result<std::string> RouteTexts::path(const char* key, const std::string& text) const {
    auto path = TRY(of_router(key, text));
    if (path.empty() || path.starts_with('/')) return path;
    return fail(Error{ErrorCode::invalid,
                      fmt::format("{} is {}, which is no absolute path", key, path),
                      traffic_.position});
}

Result<std::string> RouteTexts::backend() const {
    return name("backend", traffic_.backend, router_scope());
}

/// Where nothing else is written, what has no slot has none in its name.
std::string RouteTexts::server_text(std::string_view slot) const {
    const bool is_default = slot.empty() && traffic_.server == Traffic{}.server;
    return is_default ? "${TARGET_NAME}" : traffic_.server;
}

Result<std::string> RouteTexts::server(const Side& side) const {
    const bool is_before = side.slot.empty() && !traffic_.server_before.empty();
    Variables of_side;
    add_runtime(
        of_side,
        {{"TARGET_NAME", side.target}, {"TARGET_ID", side.target}, {"TARGET_HOST", side.target}});
    if (!is_before)
        add_runtime(of_side, {{"SLOT", std::string{side.slot}},
                              {"OTHER_SLOT", std::string{other_slot(side.slot)}}});
    VariableScope scope{definition_.key.environment, std::string{side.slot}};
    scope.add(defaults_).add(definition_.base);
    if (side.variables != nullptr) scope.add(*side.variables);
    scope.add(known_).add(of_side);
    auto server = is_before ? name("server_before", traffic_.server_before, scope)
                            : name("server", server_text(side.slot), scope);
    if (server) return server;
    auto error = std::move(server).error();
    error.message +=
        fmt::format(" (target {}{}{})", side.target, side.slot.empty() ? "" : ", slot ", side.slot);
    return fail(std::move(error));
}

std::map<std::string, std::string> RouteTexts::variables(const std::string& slot) const {
    const auto scope = router_scope(slot);
    std::map<std::string, std::string> values;
    for (const auto& [name, variable] : scope.all())
        if (auto known = value_of(name, scope)) values[name] = *std::move(known);
    return values;
}

Result<std::string> RouteTexts::value(const char* key, const std::string& text,
                                      const VariableScope& scope) const {
    auto known = expand(text, scope);
    if (known) return known;
    auto error = explained(std::move(known).error(), text, scope).within(key);
    return fail(std::move(error).at(traffic_.position));
}

Result<std::string> RouteTexts::name(const char* key, const std::string& text,
                                     const VariableScope& scope) const {
    auto name = TRY(value(key, text, scope));
    if (is_haproxy_name(name)) return name;
    return fail(Error{ErrorCode::invalid,
                      fmt::format("{} is \"{}\", HAProxy's names have A-Z a-z 0-9 _ . : - only, at "
                                  "most {} of them",
                                  key, name, kHaproxyNameBytesMax),
                      traffic_.position});
}

/// Why a variable that there is has no value here.
Error RouteTexts::explained(Error error, const std::string& text,
                            const VariableScope& scope) const {
    std::set<std::string> seen;
    std::vector<std::string> texts{text};
    while (!texts.empty()) {
        const auto names = names_in(std::exchange(texts.back(), {}));
        texts.pop_back();
        if (!names) return error;
        for (const auto& name : *names) {
            if (!seen.insert(name).second) continue;
            const auto* variable = scope.find(name);
            const bool is_later = variable == nullptr && (find_built_in(name) != nullptr ||
                                                          definition_.release.contains(name));
            if (is_later)
                return {ErrorCode::invalid,
                        fmt::format("{} has no value here: a route outlives versions and hosts, so "
                                    "it has variables of the project, its environment and the "
                                    "target only, APP_NAME, APP_ENV, and for servers TARGET_NAME "
                                    "and SLOT",
                                    name),
                        error.position};
            if (variable == nullptr) continue;
            if (variable->type == VariableType::secret || variable->type == VariableType::external)
                return {ErrorCode::invalid,
                        fmt::format("{} is of type {}: routes carry nothing secret", name,
                                    to_string(variable->type)),
                        error.position};
            if (variable->type == VariableType::template_text) texts.push_back(variable->value);
        }
    }
    return error;
}

bool has(const std::map<std::string, std::set<std::string>>& served, const std::string& slot,
         const std::string& target) {
    const auto found = served.find(slot);
    return found != served.end() && found->second.contains(target);
}

int share_of(const Sides& sides, const std::string& slot) {
    const auto found = sides.weights.find(slot);
    return found == sides.weights.end() ? 0 : found->second;
}

/// All that a server can be on, with their wishes; null = no longer in Git.
std::map<std::string, const DesiredTarget*> targets_of(const Assignment& assignment,
                                                       const Sides& sides) {
    std::map<std::string, const DesiredTarget*> targets;
    for (const auto& target : assignment.targets) targets[target.name] = &target;
    for (const auto& [slot, names] : sides.served)
        for (const auto& name : names) targets.emplace(name, nullptr);
    return targets;
}

bool has_slot(const Sides& sides, const std::string& slot) {
    const auto served = sides.served.find(slot);
    return sides.live == slot || sides.weights.contains(slot) ||
           (served != sides.served.end() && !served->second.empty());
}

/// Whose servers the route names. A strategy without slots works in those that there are.
std::vector<std::string> slots_of(const Assignment& assignment, const RouteTexts& texts,
                                  const Sides& sides) {
    const auto any = [&](std::string_view slot) { return has_slot(sides, std::string{slot}); };
    const bool in_place = assignment.strategy.type != StrategyType::blue_green;
    std::vector<std::string> slots;
    if (!in_place || std::ranges::any_of(kSlots, any)) slots.assign(kSlots.begin(), kSlots.end());
    if (texts.names_before() && (!in_place || any(""))) slots.emplace_back();
    return slots;
}

int weight_of(const Sides& sides, const std::string& slot, const std::string& target) {
    return has(sides.served, slot, target) ? share_of(sides, slot) : 0;
}

Result<std::vector<RouteServer>> servers_of(const Assignment& assignment, const RouteTexts& texts,
                                            const Sides& sides) {
    const auto slots = slots_of(assignment, texts, sides);
    std::vector<RouteServer> servers;
    for (const auto& [name, wish] : targets_of(assignment, sides))
        for (const auto& slot : slots) {
            auto server = texts.server({name, wish ? &wish->variables : nullptr, slot});
            if (!server && !wish) continue;
            if (!server) return fail(std::move(server).error());
            servers.push_back(
                {*std::move(server), name, slot, wish ? weight_of(sides, slot, name) : 0});
        }
    return servers;
}

void take_shares(const Sides& sides, Route& route) {
    route.slot_new = sides.live;
    for (const auto& [slot, weight] : sides.weights)
        if (slot != sides.live && weight > 0) route.slot_new = slot;
    const bool is_live = route.slot_new == sides.live;
    route.slot_old = is_live ? std::string{other_slot(sides.live)} : sides.live;
    route.weight_new = share_of(sides, route.slot_new);
    route.weight_old = route.slot_old == route.slot_new ? 0 : share_of(sides, route.slot_old);
}

Result<void> fill_haproxy(const Assignment& assignment, const RouteTexts& texts, const Sides& sides,
                          Route& route) {
    const auto& traffic = *sides.traffic;
    route.socket = TRY(texts.path("socket", traffic.socket));
    route.backend = TRY(texts.backend());
    route.state_file = TRY(texts.path("state_file", traffic.state_file));
    route.servers = TRY(servers_of(assignment, texts, sides));
    return {};
}

/// Of strategies without slots: who gets traffic, and who does not.
void add_targets(const Assignment& assignment, const Sides& sides, Route& route) {
    std::vector<std::string> in, out;
    for (const auto& [name, wish] : targets_of(assignment, sides))
        (wish && weight_of(sides, sides.live, name) > 0 ? in : out).push_back(name);
    route.variables[kTargetsIn] = fmt::format("{}", fmt::join(in, ","));
    route.variables[kTargetsOut] = fmt::format("{}", fmt::join(out, ","));
}

Result<void> fill_script(const Assignment& assignment, const Definition& definition,
                         const RouteTexts& texts, const Sides& sides, Route& route) {
    const auto& traffic = *sides.traffic;
    route.interpreter = TRY(texts.of_router("interpreter", definition.deploy.script.interpreter));
    route.route_script = traffic.route_script;
    route.timeout = traffic.timeout;
    if (traffic.header) {
        route.header_name = traffic.header->name;
        route.header_value = traffic.header->value;
    }
    route.variables = texts.variables(route.slot_new);
    if (assignment.strategy.type != StrategyType::blue_green) add_targets(assignment, sides, route);
    return {};
}

/// Looks at one assignment's traffic.
class RouteCheck {
public:
    RouteCheck(const Definition& definition, const std::vector<DesiredTarget>& targets,
               const Strategy& strategy)
        : definition_{definition},
          targets_{targets},
          strategy_{strategy},
          traffic_{*strategy.traffic},
          texts_{definition, traffic_, strategy.type} {}

    RouteFindings run() {
        if (is_in_place())
            check_in_place();
        else if (definition_.deploy.type != DeployType::script)
            add(definition_.deploy.position,
                fmt::format("deploy type {} has no slots for blue_green ({}): use type script with "
                            "${{SLOT}} in its work_dir, or strategy rolling or canary",
                            to_string(definition_.deploy.type), strategy_.position.text()));
        if (traffic_.router == RouterType::haproxy) check_haproxy();
        if (traffic_.router == RouterType::script) check_script();
        std::ranges::sort(found_.servers);
        return std::move(found_);
    }

private:
    [[nodiscard]] bool is_in_place() const { return strategy_.type != StrategyType::blue_green; }
    void check_in_place();
    void check_haproxy();
    void check_script();
    std::string taken(Result<std::string> value);
    void check_target_names();
    void check_servers(const std::string& backend);
    void check_all(std::span<const std::string_view> slots, const std::string& backend);
    bool check_server(const Side& side, const std::string& backend);
    void check_size();
    std::string clash(const Side& one, const std::string& other_target,
                      const std::string& other_slot, const std::string& server) const;

    void add(const Position& place, std::string message) {
        found_.faults.push_back({ErrorCode::invalid, std::move(message), place});
    }
    const Definition& definition_;
    const std::vector<DesiredTarget>& targets_;
    const Strategy& strategy_;
    const Traffic& traffic_;
    RouteTexts texts_;
    RouteFindings found_;
    std::map<std::string, std::pair<std::string, std::string>> owners_;  ///< target, slot
    std::size_t bytes_ = kPerRoute;
    std::string socket_;
};

/// Empty where there is none, which is said.
std::string RouteCheck::taken(Result<std::string> value) {
    if (value) return *std::move(value);
    found_.faults.push_back(std::move(value).error());
    return {};
}

void RouteCheck::check_in_place() {
    if (traffic_.header)
        add(traffic_.position,
            fmt::format("header {}: strategy {} has no second side to send requests to: leave it "
                        "out, or use type: blue_green",
                        traffic_.header->name, to_string(strategy_.type)));
    if (!traffic_.server_before.empty())
        add(traffic_.position,
            fmt::format("server_before {}: strategy {} has no slots, its servers are named by "
                        "server; it is of type: blue_green, for what was there before its slots",
                        traffic_.server_before, to_string(strategy_.type)));
}

void RouteCheck::check_haproxy() {
    if (traffic_.header && !is_in_place())
        add(traffic_.position,
            fmt::format("header {}: HAProxy's runtime API moves weights only; write a rule into "
                        "its configuration (use-server … if {{ req.hdr({}) -m str … }}) and leave "
                        "header out here, or use router: script",
                        traffic_.header->name, traffic_.header->name));
    socket_ = taken(texts_.path("socket", traffic_.socket));
    taken(texts_.path("state_file", traffic_.state_file));
    check_servers(taken(texts_.backend()));
    check_size();
}

void RouteCheck::check_script() {
    taken(texts_.of_router("interpreter", definition_.deploy.script.interpreter));
    for (const auto slot : kSlots) {
        auto bytes = kPerRoute + traffic_.route_script.size();
        for (const auto& [name, value] : texts_.variables(std::string{slot}))
            bytes += kPerServer + name.size() + value.size();
        bytes_ = std::max(bytes_, bytes);
    }
    if (is_in_place()) check_target_names();
    check_size();
}

/// They are in one variable.
void RouteCheck::check_target_names() {
    std::size_t bytes = 0;
    for (const auto& target : targets_) bytes += target.name.size() + 1;
    bytes_ += 2 * bytes;
    if (bytes > kTargetsBytesMax)
        add(traffic_.position,
            fmt::format("the names of all {} targets take {} bytes, and a script gets at most {} "
                        "in {}: fewer targets in one environment, or router: haproxy",
                        targets_.size(), bytes, kTargetsBytesMax, kTargetsIn));
}

void RouteCheck::check_servers(const std::string& backend) {
    constexpr std::array kBefore{std::string_view{}};
    if (is_in_place()) return check_all(kBefore, backend);
    check_all(kSlots, backend);
    if (!traffic_.server_before.empty()) check_all(kBefore, backend);
}

/// Until the first fault: the other targets and slots have the same text.
void RouteCheck::check_all(std::span<const std::string_view> slots, const std::string& backend) {
    for (const auto& target : targets_)
        for (const auto slot : slots)
            if (!check_server({target.name, &target.variables, slot}, backend) ||
                bytes_ > limits::kActionBytesMax)
                return;
}

bool RouteCheck::check_server(const Side& side, const std::string& backend) {
    auto name = texts_.server(side);
    if (!name) {
        found_.faults.push_back(std::move(name).error());
        return false;
    }
    bytes_ += kPerServer + name->size() + side.target.size();
    const auto [owner, is_new] = owners_.try_emplace(*name, side.target, std::string{side.slot});
    if (is_new)
        found_.servers.push_back({socket_, backend, *std::move(name)});
    else
        add(traffic_.position, clash(side, owner->second.first, owner->second.second, *name));
    return is_new;
}

std::string RouteCheck::clash(const Side& one, const std::string& other_target,
                              const std::string& other_slot, const std::string& server) const {
    if (one.target != other_target)
        return fmt::format(
            "targets {} and {} have one server, {}: each needs its own, as by "
            "${{TARGET_NAME}} in {}",
            other_target, one.target, server,
            one.slot.empty() && !is_in_place() ? "server_before" : "server");
    if (one.slot.empty())
        return fmt::format(
            "server_before is {} on target {}, as is the server of its slot {}: name "
            "the one that was there without slots",
            server, one.target, other_slot);
    return fmt::format(
        "server is {} in both slots of target {}: ${{SLOT}} in it tells them apart, "
        "as in ${{TARGET_NAME}}-${{SLOT}}",
        server, one.target);
}

void RouteCheck::check_size() {
    if (bytes_ <= limits::kActionBytesMax) return;
    found_.faults.push_back(
        {ErrorCode::exhausted,
         fmt::format(
             "a route of {} takes more than the {} bytes that an agent takes: fewer targets "
             "in one environment, shorter names, script and variables",
             definition_.key.text(), limits::kActionBytesMax),
         traffic_.position});
}

}  // namespace

bool is_haproxy_name(std::string_view name) {
    return !name.empty() && name.size() <= kHaproxyNameBytesMax &&
           std::ranges::all_of(name, [](char byte) {
               return std::isalnum(static_cast<unsigned char>(byte)) != 0 ||
                      std::string_view{"_.:-"}.find(byte) != std::string_view::npos;
           });
}

Result<Route> render_route(const Assignment& assignment, const Definition& definition,
                           const Sides& sides, const std::string& router_target) {
    if (!sides.traffic)
        return fail(ErrorCode::invalid, "{} has no traffic to route", assignment.key.text());
    const RouteTexts texts{definition, *sides.traffic, assignment.strategy.type};
    Route route;
    route.key = assignment.key;
    route.target = router_target;
    route.revision = sides.revision;
    route.router = sides.traffic->router;
    take_shares(sides, route);
    if (route.router == RouterType::script)
        CHECK(fill_script(assignment, definition, texts, sides, route));
    else
        CHECK(fill_haproxy(assignment, texts, sides, route));
    return route;
}

RouteFindings check_routes(const Definition& definition, const std::vector<DesiredTarget>& targets,
                           const Strategy& strategy) {
    if (!strategy.traffic) return {};
    return RouteCheck{definition, targets, strategy}.run();
}

}  // namespace tidegate
