#include "schema/resolve/line_tracker.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "schema/base/limits.h"
#include "schema/base/nearest.h"
#include "schema/resolve/advance.h"
#include "schema/resolve/digest.h"
#include "schema/resolve/moved.h"
#include "schema/resolve/override.h"
#include "schema/resolve/parts.h"
#include "schema/resolve/readings.h"

namespace tidegate {
namespace {

using RulesPtr = std::shared_ptr<const Rules>;
using DefinitionKey = std::pair<std::string, AssignmentKey>;  ///< commit, assignment

/// Where a pin's version comes from; none = it never was there.
std::optional<VersionPoint> point_of(const AssignmentHistory& facts, const std::string& version) {
    const auto found =
        std::find_if(facts.versions.rbegin(), facts.versions.rend(),
                     [&](const VersionPoint& point) { return point.version == version; });
    if (found == facts.versions.rend()) return std::nullopt;
    return *found;
}

/// Pins of versions that the assignment never had.
std::vector<Error> pin_errors(const ResolvedAssignment& entry, const AssignmentHistory& facts) {
    std::vector<Error> errors;
    for (const auto& pin : entry.pins) {
        const auto& current = entry.assignment->definition->version;
        if (pin.version == current || pin.version == facts.version || point_of(facts, pin.version))
            continue;
        std::vector<std::string> known{current};
        for (const auto& point : facts.versions) known.push_back(point.version);
        errors.push_back(
            Error{ErrorCode::not_found,
                  fmt::format("{} never had version \"{}\"{}", version_path(entry.assignment->key),
                              pin.version, did_you_mean(pin.version, known)),
                  pin.target.position});
    }
    return errors;
}

bool holds(const EnvironmentHistory& environment, const std::string& target) {
    return std::binary_search(environment.targets.begin(), environment.targets.end(), target);
}

/// What holds an entry; empty = it is valid.
std::vector<Error> errors_of(const ResolvedAssignment& entry, const AssignmentHistory& facts) {
    return entry.assignment ? pin_errors(entry, facts) : entry.errors;
}

/// A held assignment obeys what newer commits tighten, never what they loosen.
void tighten(Assignment& assignment, const ResolvedAssignment& newer, bool rejected) {
    if (newer.paused.value_or(false)) assignment.paused = assignment.rules.paused = true;
    auto& freeze = assignment.rules.freeze;
    if (newer.freeze && newer.freeze->active && (!freeze.active || outlasts(*newer.freeze, freeze)))
        freeze = *newer.freeze;
    auto& words = assignment.rules.unsupported;
    if (rejected && std::ranges::find(words, kRejected) == words.end()) words.push_back(kRejected);
}

}  // namespace

struct LineTracker::State {
    LineOptions options;
    History history;
    ResolvedTree resolved;
    /// The last valid state of each assignment; after `load`, held ones come by `provide`.
    std::map<AssignmentKey, ResolvedAssignmentPtr> valid;
    std::map<DefinitionKey, DefinitionPtr> definitions;  ///< of pins; null = not readable there
    std::set<AssignmentKey> lost;  ///< held ones whose last valid state this build cannot resolve
    std::map<AssignmentKey, std::set<std::string>> moved;  ///< see targets_moved_away
    std::set<AssignmentKey> dirty;
    bool judges_anew =
        false;  ///< other checks than the commit before: everything counts as touched
    std::map<AssignmentKey, AssignmentPtr> built;
    std::set<std::pair<std::uint64_t, AssignmentKey>> gone;  ///< to forget the oldest first

    [[nodiscard]] std::set<AssignmentKey> present() const;
    [[nodiscard]] const Readings& readings_of(const std::string& environment) const;
    void note_readings_of(const ResolvedTree& anew);
    void take_checks(const LineCommit& commit);
    void touch_all();
    void advance(const LineCommit& commit, const std::set<std::string>& changed);
    [[nodiscard]] std::vector<RulesPtr> find_rules_before(const std::string& environment) const;
    void take_environments();
    void take_dependencies(const std::set<std::string>& changed);
    void take_rejections();
    void note_gone(const AssignmentKey& key);
    void forget_gone();
    void take_valid(const AssignmentKey& key, ResolvedAssignmentPtr entry);
    [[nodiscard]] std::vector<DefinitionKey> definitions_needed() const;
    void find_moved();
    void build(const AssignmentKey& key);
    void fill_pins(Assignment& assignment, const ResolvedAssignment& entry);
};

std::set<AssignmentKey> LineTracker::State::present() const {
    std::set<AssignmentKey> keys;
    for (const auto& [key, facts] : history.assignments)
        if (facts.present) keys.insert(keys.end(), key);
    return keys;
}

const Readings& LineTracker::State::readings_of(const std::string& environment) const {
    static const Readings none;
    const auto known = history.environments.find(environment);
    return known == history.environments.end() ? none : known->second.readings;
}

/// Of an environment that has errors the last valid state is in force, whose files are read by
/// the checks of their commit.
void LineTracker::State::note_readings_of(const ResolvedTree& anew) {
    for (auto& [name, known] : history.environments) {
        const auto before = resolved.environments.find(name);
        const auto now = anew.environments.find(name);
        if (before == resolved.environments.end() || now == anew.environments.end()) continue;
        if (before->second->errors.empty()) note_readings(known, *before->second, *now->second);
    }
}

void LineTracker::State::take_checks(const LineCommit& commit) {
    if (history.tip.empty()) history.checks = resolved.checks = commit.checks;
    TG_ASSERT(commit.checks == history.checks);
}

void LineTracker::State::touch_all() {
    for (const auto& [key, entry] : resolved.assignments) resolved.touched.insert(key);
    resolved.touched.merge(present());
}

void LineTracker::State::take_valid(const AssignmentKey& key, ResolvedAssignmentPtr entry) {
    valid[key] = std::move(entry);
    lost.erase(key);
    dirty.insert(key);
}

void LineTracker::State::advance(const LineCommit& commit, const std::set<std::string>& changed) {
    history.left = 0;
    std::map<std::string, std::vector<RulesPtr>> rules_before;  ///< by environment
    for (const auto& key : resolved.touched) {
        const auto found = resolved.assignments.find(key);
        auto& facts = history.assignments[key];
        const auto [rules, is_first] = rules_before.try_emplace(key.environment);
        if (is_first) rules->second = find_rules_before(key.environment);
        const Change change{commit, changed, options.identity, key, rules->second};
        dirty.insert(key);
        if (found == resolved.assignments.end()) {
            history.left += facts.present;
            record_removed(history, facts, change);
            valid.erase(key);
            lost.erase(key);
        } else if (errors_of(*found->second, facts).empty()) {
            auto entry = in_force(facts, readings_of(key.environment), found->second);
            record_valid(history, facts, change, *entry);
            take_valid(key, std::move(entry));
        } else {
            record_invalid(history, facts, change, *found->second);
        }
    }
}

/// Those of the environment as the commit before has it, and of the others that held its targets.
std::vector<RulesPtr> LineTracker::State::find_rules_before(const std::string& environment) const {
    std::vector<RulesPtr> rules;
    const auto part = resolved.environments.find(environment);
    if (part == resolved.environments.end()) return rules;
    const auto own = history.environments.find(environment);
    const bool is_new = own == history.environments.end();
    if (!is_new) rules.push_back(own->second.rules);
    if (!is_new && own->second.rules == part->second->rules) return rules;  // the same part
    std::vector<std::string> came;
    for (const auto& target : part->second->targets)
        if (is_new || !holds(own->second, target.name)) came.push_back(target.name);
    for (const auto& [name, known] : history.environments)
        if (std::any_of(came.begin(), came.end(),
                        [&](const auto& target) { return holds(known, target); }))
            rules.push_back(known.rules);
    return rules;
}

void LineTracker::State::take_environments() {
    std::erase_if(history.environments,
                  [&](const auto& each) { return !resolved.environments.contains(each.first); });
    for (const auto& [name, part] : resolved.environments) {
        auto rules = resolved.rules_of(name);
        if (!rules) continue;
        auto& known = history.environments[name];
        if (known.rules == rules) continue;  // the same part as before
        known.rules = std::move(rules);
        known.targets = names_of(part->targets);
        std::erase_if(known.readings, [&](const auto& each) { return !holds(known, each.first); });
    }
}

/// What the files of the projects decide alone, so the other commits of a long line cost nothing.
void LineTracker::State::take_dependencies(const std::set<std::string>& changed) {
    constexpr std::string_view kProjects = "projects/";
    const auto first = changed.lower_bound(std::string(kProjects));
    if (first == changed.end() || !first->starts_with(kProjects)) return;
    std::map<std::string, std::vector<std::string>> now;
    for (const auto& [name, part] : resolved.projects) {
        const auto before = history.dependencies.find(name);
        if (part->errors.empty())
            now[name] = part->dependencies;
        else if (before != history.dependencies.end())
            now.insert(std::move(*before));
    }
    std::erase_if(now, [](const auto& each) { return each.second.empty(); });
    history.dependencies = std::move(now);
}

/// A list that cannot be read takes no rejection back.
void LineTracker::State::take_rejections() {
    for (const auto& key : resolved.touched) {
        const auto found = resolved.assignments.find(key);
        auto& rejected = history.assignments[key].rejected;
        rejected =
            found != resolved.assignments.end() && found->second->rejected.value_or(rejected);
    }
}

void LineTracker::State::note_gone(const AssignmentKey& key) {
    const auto found = history.assignments.find(key);
    if (found == history.assignments.end()) return;
    const auto& facts = found->second;
    gone.erase({facts.gone_number, key});
    if (facts.present || resolved.assignments.contains(key)) return;
    if (facts.versions.empty() && facts.reverts.empty())
        history.assignments.erase(found);  // it never was valid
    else if (facts.reverts.empty())
        gone.emplace(facts.gone_number, key);
}

/// What was reverted stays: a store that is lost gets its quarantines back from it.
void LineTracker::State::forget_gone() {
    for (const auto& key : resolved.touched) note_gone(key);
    while (gone.size() > limits::kGoneAssignmentsKept) {
        history.assignments.erase(gone.begin()->second);
        gone.erase(gone.begin());
    }
}

std::vector<DefinitionKey> LineTracker::State::definitions_needed() const {
    std::vector<DefinitionKey> needed;
    for (const auto& [key, entry] : valid)
        for (const auto& pin : entry->pins) {
            if (pin.version == entry->assignment->definition->version) continue;
            if (const auto point = point_of(history.assignments.at(key), pin.version))
                needed.emplace_back(point->commit, key);
        }
    return needed;
}

void LineTracker::State::fill_pins(Assignment& assignment, const ResolvedAssignment& entry) {
    for (const auto& pin : entry.pins) {
        auto definition = assignment.definition;
        if (pin.version != definition->version) {
            const auto point = point_of(history.assignments.at(assignment.key), pin.version);
            const auto found = definitions.find({point ? point->commit : "", assignment.key});
            const bool readable = found != definitions.end() && found->second;
            if (readable) definition = found->second;
            if (!readable)
                assignment.config_errors.push_back(Error{
                    ErrorCode::not_found,
                    fmt::format("the pinned version \"{}\" cannot be read any more", pin.version),
                    pin.target.position});
        }
        for (auto& target : assignment.targets) {
            if (target.name != pin.target.name) continue;
            target.definition = definition;
            target.digest = target_digest(definition->digest, target.config_digest);
        }
    }
}

void LineTracker::State::find_moved() {
    auto now = targets_moved_away(history, valid);
    for (const auto& [key, names] : now)
        if (const auto before = moved.find(key); before == moved.end() || before->second != names)
            dirty.insert(key);
    for (const auto& [key, names] : moved)
        if (!now.contains(key)) dirty.insert(key);
    moved = std::move(now);
}

void LineTracker::State::build(const AssignmentKey& key) {
    const auto facts = history.assignments.find(key);
    const auto entry = valid.find(key);
    if (facts == history.assignments.end() || !facts->second.present || entry == valid.end()) {
        built.erase(key);
        return;
    }
    Assignment assignment = *entry->second->assignment;
    tell(facts->second, assignment);
    hold_early_override(*entry->second, assignment);
    if (!facts->second.held_at.empty()) {
        const auto& newer = *resolved.assignments.at(key);
        assignment.commit = facts->second.held_at;
        assignment.config_errors = errors_of(newer, facts->second);
        tighten(assignment, newer, facts->second.rejected);
    }
    if (const auto left = moved.find(key); left != moved.end())
        std::erase_if(assignment.targets, [&](const DesiredTarget& target) {
            return left->second.contains(target.name);
        });
    fill_pins(assignment, *entry->second);
    built[key] = std::make_shared<const Assignment>(std::move(assignment));
}

LineTracker::LineTracker(LineOptions options) : state_{std::make_unique<State>()} {
    state_->options = std::move(options);
}
LineTracker::LineTracker(LineTracker&&) noexcept = default;
LineTracker& LineTracker::operator=(LineTracker&&) noexcept = default;
LineTracker::~LineTracker() = default;

namespace {

/// Whether the tip says of this assignment what the history says.
bool agrees(const AssignmentHistory& facts, const ResolvedAssignmentPtr& entry) {
    if (!entry) return !facts.present;
    const bool is_valid = errors_of(*entry, facts).empty();
    if (!is_valid) return !facts.present || !facts.held_at.empty();
    return facts.present && facts.held_at.empty() &&
           entry->assignment->definition->digest == facts.digest &&
           entry->fingerprint == facts.fingerprint;
}

}  // namespace

Result<LineTracker> LineTracker::load(LineOptions options, std::string_view json,
                                      const DocumentTree& tree) {
    LineTracker tracker{std::move(options)};
    auto& state = *tracker.state_;
    state.history = TRY(history_from_json(json, state.options.zones));
    state.resolved = resolve(tree, state.options.zones, state.history.tip, state.history.checks,
                             state.present());
    for (const auto& [key, read] : state.resolved.assignments) {
        auto& facts = state.history.assignments[key];
        const auto entry = in_force(facts, state.readings_of(key.environment), read);
        if (!agrees(facts, entry))
            return fail(ErrorCode::conflict, "{} now resolves otherwise at {}", key.text(),
                        state.history.tip);
        if (facts.present && facts.held_at.empty()) state.take_valid(key, entry);
    }
    for (const auto& [key, facts] : state.history.assignments) {
        if (facts.present && !state.resolved.assignments.contains(key))
            return fail(ErrorCode::conflict, "{} is not there any more at {}", key.text(),
                        state.history.tip);
        if (facts.present) state.dirty.insert(key);
        if (!facts.present && facts.reverts.empty() && !state.resolved.assignments.contains(key))
            state.gone.emplace(facts.gone_number, key);
    }
    return tracker;
}

const std::string& LineTracker::tip() const { return state_->history.tip; }

Checks LineTracker::checks() const { return state_->history.checks; }

void LineTracker::adopt(Checks checks, const DocumentTree& tree) {
    auto& state = *state_;
    auto anew = resolve(tree, state.options.zones, state.history.tip, checks, state.present());
    state.note_readings_of(anew);
    state.resolved = std::move(anew);
    for (const auto& [key, entry] : state.resolved.assignments)
        if (const auto known = state.history.assignments.find(key);
            known != state.history.assignments.end() && entry->assignment)
            note_reading(known->second, *entry->assignment->definition);
    state.history.checks = checks;
    state.judges_anew = true;
}

void LineTracker::add_commit(const LineCommit& commit, const DocumentTree& tree,
                             const std::set<std::string>& changed) {
    auto& state = *state_;
    state.take_checks(commit);
    state.resolved =
        resolve_changed(std::move(state.resolved), tree, state.options.zones, commit.id, changed);
    if (std::exchange(state.judges_anew, false)) state.touch_all();
    state.advance(commit, changed);
    state.take_environments();
    state.take_dependencies(changed);
    state.take_rejections();
    state.forget_gone();
    if (state.history.root.empty()) state.history.root = commit.id;
    state.history.tip = commit.id;
    ++state.history.length;
}

std::set<std::string> LineTracker::missing() const {
    std::set<std::string> commits;
    for (const auto& needed : state_->definitions_needed())
        if (!state_->definitions.contains(needed)) commits.insert(needed.first);
    for (const auto& [key, facts] : state_->history.assignments)
        if (facts.present && !state_->valid.contains(key) && !state_->lost.contains(key))
            commits.insert(facts.held_at);
    return commits;
}

void LineTracker::provide(const std::string& commit, const DocumentTree& tree, Checks checks) {
    auto& state = *state_;
    const auto resolved = resolve(tree, state.options.zones, commit, checks);
    const auto find = [&](const AssignmentKey& key) -> ResolvedAssignmentPtr {
        const auto found = resolved.assignments.find(key);
        const bool valid = found != resolved.assignments.end() && found->second->assignment;
        if (!valid) return nullptr;
        return in_force(state.history.assignments.at(key), state.readings_of(key.environment),
                        found->second);
    };
    for (const auto& [key, facts] : state.history.assignments) {
        if (!facts.present || facts.held_at != commit || state.valid.contains(key)) continue;
        if (auto entry = find(key))
            state.take_valid(key, std::move(entry));
        else
            state.lost.insert(key);
    }
    for (const auto& needed : state.definitions_needed()) {
        if (needed.first != commit || state.definitions.contains(needed)) continue;
        const auto entry = find(needed.second);
        state.definitions[needed] = entry ? entry->assignment->definition : nullptr;
        state.dirty.insert(needed.second);
    }
}

Desired LineTracker::desired(Timestamp accepted_at) {
    TG_ASSERT(missing().empty());
    auto& state = *state_;
    const auto needed = state.definitions_needed();
    std::erase_if(state.definitions, [&](const auto& each) {
        return std::find(needed.begin(), needed.end(), each.first) == needed.end();
    });
    state.find_moved();
    for (const auto& key : state.dirty) state.build(key);
    state.dirty.clear();
    return {state.history.root, state.history.tip, accepted_at, state.built};
}

std::vector<Error> LineTracker::errors() const {
    auto errors = state_->resolved.errors();
    for (const auto& [key, entry] : state_->resolved.assignments) {
        if (!entry->assignment || entry->pins.empty()) continue;
        const auto facts = state_->history.assignments.find(key);
        const bool is_known = facts != state_->history.assignments.end();
        const auto pins = pin_errors(*entry, is_known ? facts->second : AssignmentHistory{});
        errors.insert(errors.end(), pins.begin(), pins.end());
    }
    return errors;
}

std::vector<Error> LineTracker::warnings() const {
    auto warnings = state_->resolved.warnings();
    if (const auto left = state_->history.left; left > 0)
        warnings.insert(warnings.begin(), leaving_warning(left));
    return warnings;
}

const ResolvedTree& LineTracker::at_tip() const { return state_->resolved; }

std::optional<Digest> LineTracker::digest_with(const DocumentTree& tree,
                                               const AssignmentKey& key) const {
    const auto resolved = resolve_changed(state_->resolved, tree, state_->options.zones,
                                          state_->history.tip, {version_path(key)});
    const auto found = resolved.assignments.find(key);
    if (found == resolved.assignments.end() || !found->second->assignment) return std::nullopt;
    return digest_in_force(key, found->second->assignment->definition->digest);
}

std::optional<VersionPoint> LineTracker::find_version(const AssignmentKey& key,
                                                      const std::string& version) const {
    const auto found = state_->history.assignments.find(key);
    if (found == state_->history.assignments.end()) return std::nullopt;
    const auto& facts = found->second;
    if (facts.present && facts.version == version)
        return VersionPoint{version, facts.held_at.empty() ? tip() : facts.held_at, facts.digest};
    return point_of(facts, version);
}

Digest LineTracker::digest_in_force(const AssignmentKey& key, const Digest& digest) const {
    const auto found = state_->history.assignments.find(key);
    if (found == state_->history.assignments.end()) return digest;
    return tidegate::digest_in_force(found->second, digest);
}

const History& LineTracker::history() const { return state_->history; }

std::string LineTracker::json() const { return to_json(state_->history); }

}  // namespace tidegate
