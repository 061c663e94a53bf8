#include "tests/simulation/engine/model_git.h"

#include <algorithm>

#include "schema/resolve/digest.h"

namespace tidegate::simulation {
namespace {

/// What makes an intent (design, section 1).
bool same_intent(const Spec& a, const Spec& b) {
    return a.version == b.version && a.absent == b.absent && a.retry == b.retry &&
           a.operation == b.operation && a.pins == b.pins;
}
bool same_digest(const Spec& a, const Spec& b) {
    return a.version == b.version && a.absent == b.absent;
}

}  // namespace

Fleet usual_fleet() {
    Fleet fleet;
    auto& prod = fleet.environments["prod"];
    prod.targets = {{"p-1", "a-1"}, {"p-2", "a-2"}, {"p-3", "a-3"}, {"p-4", "a-4"}, {"p-5", "a-4"}};
    prod.strategy.batch_size = {2, false};
    prod.strategy.max_unavailable = {2, false};
    auto& edge = fleet.environments["edge"];
    edge.targets = {{"e-1", "a-1"}, {"e-2", "a-5"}, {"e-3", "a-6"}};
    edge.strategy.type = StrategyType::all_at_once;
    ReleaseWindow window;
    window.on_close = OnClose::pause;
    window.allowed.push_back({{}, std::chrono::hours{0}, std::chrono::hours{12}, ""});
    edge.rules.window = window;
    auto zone = std::make_shared<ZoneRules>();
    zone->name = "UTC";
    edge.rules.zone = zone;
    fleet.projects = {"api", "shop"};
    return fleet;
}

Fleet fleet_closing(OnClose on_close) {
    auto fleet = usual_fleet();
    auto& edge = fleet.environments["edge"];
    edge.rules.window->on_close = on_close;
    if (on_close == OnClose::pause) return fleet;
    edge.strategy.type = StrategyType::rolling;
    edge.strategy.batch_size = {2, false};
    edge.strategy.batch_interval = std::chrono::minutes{20};
    edge.strategy.max_unavailable = {1, false};
    return fleet;
}

Digest digest_of(const AssignmentKey& key, const Spec& spec) {
    return Digest::of_parts(
        {key.environment, key.project, spec.version, spec.absent ? "absent" : "present"});
}

std::string ModelGit::commit(const AssignmentKey& key, const Spec* spec, Timestamp now,
                             bool turn_window) {
    Commit made;
    if (!line_.empty()) made.specs = line_.back().specs;
    if (!line_.empty()) made.windowless = line_.back().windowless;
    if (turn_window && made.windowless.erase(key.environment) == 0)
        made.windowless.insert(key.environment);
    made.id = fmt::format("c{:04}", next_++);
    made.at = now;
    if (spec)
        made.specs[key] = *spec;
    else
        made.specs.erase(key);
    line_.push_back(std::move(made));
    return line_.back().id;
}

const Spec* ModelGit::spec_at_tip(const AssignmentKey& key) const {
    if (line_.empty()) return nullptr;
    const auto found = line_.back().specs.find(key);
    return found == line_.back().specs.end() ? nullptr : &found->second;
}

Digest ModelGit::digest_at_tip(const AssignmentKey& key) const {
    const auto* spec = spec_at_tip(key);
    return spec ? digest_of(key, *spec) : Digest{};
}

const ModelGit::Commit* ModelGit::find_commit(const std::string& id) const {
    const auto found = std::ranges::find(line_, id, &Commit::id);
    return found == line_.end() ? nullptr : &*found;
}

bool ModelGit::has_window(const std::string& commit, const std::string& environment) const {
    const auto* there = find_commit(commit);
    return fleet_.environments.at(environment).rules.window && there &&
           !there->windowless.contains(environment);
}

Rules ModelGit::rules_at(const std::string& commit, const std::string& environment) const {
    auto rules = fleet_.environments.at(environment).rules;
    rules.environment = environment;
    rules.commit = commit;
    if (!has_window(commit, environment)) rules.window.reset();
    return rules;
}

DefinitionPtr ModelGit::define(const AssignmentKey& key, const Spec& spec,
                               const std::string& commit) const {
    auto definition = std::make_shared<Definition>();
    definition->key = key;
    definition->commit = commit;
    definition->digest = digest_of(key, spec);
    definition->version = spec.version;
    definition->absent = spec.absent;
    definition->deploy.script.install_script = "install";
    if (key.project == "shop") definition->deploy.script.rollback_script = "rollback";
    return definition;
}

Intent ModelGit::intent_of(const AssignmentKey& key) const {
    Intent intent;
    const auto& now = line_.back().specs.at(key);
    bool digest_open = true;
    bool intent_open = true;
    for (std::size_t i = line_.size(); i-- > 0;) {
        const auto& here = line_[i];
        const auto* before =
            i > 0 && line_[i - 1].specs.contains(key) ? &line_[i - 1].specs.at(key) : nullptr;
        if (intent_open && (!before || !same_intent(now, *before))) {
            intent.commit = here.id;
            intent.parent = i > 0 ? line_[i - 1].id : "";
            intent.by_daemon = here.daemon;
            intent.committed_at = here.at;
            intent_open = false;
        }
        if (digest_open && (!before || !same_digest(now, *before))) {
            intent.digest_commit = here.id;
            digest_open = false;
        }
        if (!intent_open && !digest_open) break;
    }
    intent.author_email = intent.by_daemon ? "tidegated@example.com" : "person@example.com";
    return intent;
}

AssignmentPtr ModelGit::assign(const AssignmentKey& key) const {
    const auto& spec = line_.back().specs.at(key);
    const auto& place = fleet_.environments.at(key.environment);
    auto made = std::make_shared<Assignment>();
    made->key = key;
    made->intent = intent_of(key);
    made->commit = made->intent.commit;
    made->definition = define(key, spec, made->intent.digest_commit);
    made->operation = spec.operation;
    made->paused = spec.paused;
    made->retry = spec.retry;
    made->forward_only = spec.forward_only;
    made->strategy = place.strategy;
    made->rollback = place.rollback;
    made->offline = place.offline;
    made->rules = rules_at(tip(), key.environment);
    if (!made->intent.parent.empty())
        made->anchor_rules.push_back(
            std::make_shared<const Rules>(rules_at(made->intent.parent, key.environment)));
    for (const auto& place_target : place.targets) {
        DesiredTarget target;
        target.name = place_target.name;
        target.agent = place_target.agent;
        target.config_digest = Digest::of(target.name);
        target.definition = made->definition;
        if (const auto pin = spec.pins.find(target.name); pin != spec.pins.end()) {
            target.pinned = true;
            target.definition = define(key, Spec{pin->second}, made->intent.commit);
        }
        target.digest = target_digest(target.definition->digest, target.config_digest);
        made->targets.push_back(std::move(target));
    }
    const auto id = fmt::format("{} {} {} {} {} {}", key.text(), made->intent.commit,
                                made->intent.digest_commit, spec.paused, spec.forward_only,
                                made->rules.window.has_value());
    return resolved_.try_emplace(id, std::move(made)).first->second;
}

std::shared_ptr<const Desired> ModelGit::resolve() const {
    auto desired = std::make_shared<Desired>();
    desired->root_commit = line_.front().id;
    desired->commit = line_.back().id;
    for (const auto& [key, spec] : line_.back().specs)
        desired->assignments.emplace(key, assign(key));
    return desired;
}

engine::DefinitionLoaded ModelGit::load(const engine::LoadDefinition& query) const {
    const auto* commit = find_commit(query.commit);
    if (!commit || !commit->specs.contains(query.key))
        return {query.key, query.commit, fail(ErrorCode::not_found, "no such commit")};
    return {query.key, query.commit, define(query.key, commit->specs.at(query.key), query.commit)};
}

engine::LastGoodFound ModelGit::find(const engine::FindLastGood& query) const {
    std::optional<LastGood> newest;
    for (const auto& commit : line_)
        for (const auto& candidate : query.candidates)
            if (candidate.commit == commit.id) newest = candidate;
    return {query.key, newest};
}

engine::RevertDone ModelGit::revert(const engine::RevertRequest& request, Timestamp now) {
    ++reverts_asked;
    if (moved_on)
        return {request.release,
                engine::RevertDone::Failed{{ErrorCode::conflict, "newer commits have come", {}}}};
    return request.prepared.empty() ? prepare(request, now) : push(request);
}

engine::RevertDone ModelGit::prepare(const engine::RevertRequest& request, Timestamp now) {
    using Done = engine::RevertDone;
    if (digest_at_tip(request.key) != request.guilty_digest)
        return {request.release, Done::NotNeeded{"the tip says something else"}};
    if (protected_branch) return {request.release, Done::Branched{"tidegate/revert-1"}};
    Commit made;
    made.id = fmt::format("r{:04}", next_++);
    made.specs = line_.back().specs;
    made.windowless = line_.back().windowless;
    made.daemon = true;
    made.release = request.release;
    made.at = now;
    if (!request.good)
        made.specs.erase(request.key);
    else if (const auto* good = find_commit(request.good->commit))
        made.specs[request.key] = good->specs.at(request.key);
    else
        return {request.release, Done::Failed{{ErrorCode::not_found, "no last good", {}}}};
    const auto id = made.id;
    prepared_[id] = {tip(), std::move(made), request.key, request.good};
    return {request.release, Done::Prepared{id}};
}

engine::RevertDone ModelGit::push(const engine::RevertRequest& request) {
    using Done = engine::RevertDone;
    const auto found = prepared_.find(request.prepared);
    if (found == prepared_.end() || found->second.parent != tip())
        return {request.release, Done::Failed{{ErrorCode::conflict, "lost the race", {}}}};
    auto prepared = std::move(found->second);
    prepared_.erase(found);
    if (!reverted_.insert(request.release).second)
        violation = "11: a second revert of " + request.release;
    for (const auto& [key, spec] : line_.back().specs) {
        const auto after = prepared.commit.specs.find(key);
        const bool kept = after != prepared.commit.specs.end() && after->second == spec;
        if (key != prepared.key && !kept) violation = "12: the revert changed " + key.text();
    }
    line_.push_back(std::move(prepared.commit));
    if (prepared.good && digest_at_tip(prepared.key) != prepared.good->digest)
        violation = "12: the revert does not resolve to last good";
    return {request.release, Done::Pushed{tip()}};
}

}  // namespace tidegate::simulation
