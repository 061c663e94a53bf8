#include "schema/resolve/advance.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "schema/base/limits.h"
#include "schema/resolve/authors.h"
#include "schema/resolve/parts.h"

namespace tidegate {
namespace {

constexpr std::string_view kTrailerPrefix = "Tidegate-";

/// Trailer keys are case-insensitive (git-interpret-trailers).
bool same_key(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

std::string trailer(const LineCommit& commit, std::string_view key) {
    for (const auto& [name, value] : commit.trailers)
        if (same_key(name, key)) return value;
    return {};
}

/// One of our own reverts: known by id, or, of the time before the store was lost, by author,
/// trailers that hold, and that it changed nothing else. A trailer alone proves nothing.
bool is_own_revert(const Change& change, const Digest& before, const std::optional<Digest>& after) {
    const auto& commit = change.commit;
    if (commit.own || !commit.proven_by_form) return commit.own;
    const auto author = commit.author_name + " <" + commit.author_email + ">";
    return !change.identity.empty() && author == change.identity &&
           change.changed == std::set<std::string>{version_path(change.key)} &&
           trailer(commit, "Tidegate-Assignment") == change.key.text() &&
           trailer(commit, "Tidegate-Digest") == before.hex() &&
           trailer(commit, "Tidegate-Restores") == (after ? after->hex() : "none");
}

/// Where the assignment was last as `facts` say.
const std::string& last_valid(const History& history, const AssignmentHistory& facts) {
    return facts.held_at.empty() ? history.tip : facts.held_at;
}

/// Forgets the oldest versions first, but none that a pin still names.
void trim_versions(std::vector<VersionPoint>& versions, const std::vector<Pin>& pins) {
    while (versions.size() > limits::kVersionsKeptPerAssignment) {
        const auto oldest =
            std::find_if(versions.begin(), versions.end(), [&](const VersionPoint& point) {
                return std::none_of(pins.begin(), pins.end(),
                                    [&](const Pin& pin) { return pin.version == point.version; });
            });
        if (oldest == versions.end()) return;
        versions.erase(oldest);
    }
}

void remember_version(const History& history, AssignmentHistory& facts,
                      const std::vector<Pin>& pins) {
    std::erase_if(facts.versions,
                  [&](const VersionPoint& point) { return point.version == facts.version; });
    facts.versions.push_back({facts.version, last_valid(history, facts), facts.digest});
    trim_versions(facts.versions, pins);
}

void note_revert(AssignmentHistory& facts, const Change& change) {
    Quarantine quarantine;
    quarantine.key = change.key;
    quarantine.digest = facts.digest;
    quarantine.version = facts.version;
    quarantine.release = trailer(change.commit, "Tidegate-Rollback");
    quarantine.digest_commit = facts.intent.digest_commit;
    quarantine.retry = facts.retry;
    quarantine.reason = trailer(change.commit, "Tidegate-Reason");
    quarantine.at = change.commit.committed_at;
    facts.reverts.push_back(std::move(quarantine));
    if (facts.reverts.size() > limits::kRevertsKeptPerAssignment)
        facts.reverts.erase(facts.reverts.begin());
}

/// A person entered the digest anew, or raised `retry`: that speaks of no other digest.
void lift_reverts(AssignmentHistory& facts, bool digest_is_new) {
    std::erase_if(facts.reverts, [&](const Quarantine& quarantine) {
        return quarantine.digest == facts.digest &&
               (digest_is_new || facts.retry > quarantine.retry);
    });
}

/// Policies for this project only, what it depends on, and a rejection: they bind like the
/// environment's rules.
void add_rules_of_project(Rules& rules, const History& history, const std::string& project) {
    auto& words = rules.unsupported;
    const auto policies = std::exchange(rules.unsupported_of, {});
    for (const auto* of_projects : {&policies, &history.dependencies})
        if (const auto found = of_projects->find(project); found != of_projects->end())
            words.insert(words.end(), found->second.begin(), found->second.end());
    const auto facts = history.assignments.find({rules.environment, project});
    if (facts != history.assignments.end() && facts->second.rejected) words.push_back(kRejected);
}

/// The rules at the first parent (design, section 4.3). `paused` is a wish of the version file,
/// not a rule of the environment, so it does not bind the next commit. Nor does a freeze that
/// outlives the intent: only the commit that itself lifts one stays frozen.
std::vector<std::shared_ptr<const Rules>> anchors_of(const History& history, const Change& change,
                                                     const ResolvedAssignment& entry) {
    std::vector<std::shared_ptr<const Rules>> anchors;
    if (change.commit.parent.empty()) return anchors;
    for (const auto& before : change.rules_before) {
        auto rules = *before;
        rules.commit = change.commit.parent;
        rules.paused = false;
        add_rules_of_project(rules, history, change.key.project);
        const bool own = rules.environment == change.key.environment;
        if (own && entry.freeze && outlasts(*entry.freeze, rules.freeze)) rules.freeze = {};
        anchors.push_back(std::make_shared<const Rules>(std::move(rules)));
    }
    return anchors;
}

Intent make_intent(const AssignmentHistory& facts, const Change& change, bool digest_is_new) {
    const auto& commit = change.commit;
    Intent intent;
    intent.commit = commit.id;
    intent.digest_commit = digest_is_new ? commit.id : facts.intent.digest_commit;
    intent.parent = commit.parent;
    intent.author_name = commit.author_name;
    intent.author_email = commit.author_email;
    intent.message = commit.message.substr(0, commit.message.find('\n'));
    intent.committed_at = commit.committed_at;
    intent.authors = commit.authors;
    add_authors(intent.authors, facts.held_authors);
    intent.emergency_reason = trailer(commit, "Tidegate-Emergency");
    for (const auto& [key, value] : commit.trailers)
        if (same_key(std::string_view(key).substr(0, kTrailerPrefix.size()), kTrailerPrefix))
            intent.trailers[key] = value;
    return intent;
}

/// What the change makes of a promotion: it is by whoever wrote it as it is. A version file that
/// cannot be read says nothing.
std::optional<Promotion> promotion_after(std::optional<Promotion> before, const Change& change,
                                         const ResolvedAssignment& entry) {
    const auto* version = document_of<Version>(entry.version_file);
    if (version == nullptr) return before;
    if (!version->promote) return std::nullopt;
    if (before && before->promote == *version->promote) return before;
    return written_by(change, *version->promote);
}

/// A new intent is passed by no word that came with it or before.
void take_promotion(AssignmentHistory& facts, const Change& change, const ResolvedAssignment& entry,
                    bool intent_is_new) {
    auto& before = facts.held_at.empty() ? facts.promotion : facts.held_promotion;
    facts.promotion = promotion_after(std::move(before), change, entry);
    facts.held_promotion.reset();
    if (facts.promotion && intent_is_new) facts.promotion->after_intent = false;
}

}  // namespace

bool outlasts(const Freeze& now, const Freeze& before) {
    return now.active && (!now.until || (before.until && *now.until >= *before.until));
}

void record_valid(History& history, AssignmentHistory& facts, const Change& change,
                  const ResolvedAssignment& entry) {
    const auto& definition = *entry.assignment->definition;
    const bool digest_is_new = !facts.present || facts.digest != definition.digest;
    const bool intent_is_new = digest_is_new || facts.fingerprint != entry.fingerprint;
    if (facts.present && facts.version != definition.version)
        remember_version(history, facts, entry.pins);
    bool by_daemon = false;
    if (intent_is_new) {
        by_daemon = facts.present && digest_is_new &&
                    is_own_revert(change, facts.digest, definition.digest);
        if (by_daemon) note_revert(facts, change);
        facts.intent = make_intent(facts, change, digest_is_new);
        facts.intent.by_daemon = by_daemon;
        facts.anchors = anchors_of(history, change, entry);
    }
    take_promotion(facts, change, entry, intent_is_new);
    note_changers(facts, change, entry, digest_is_new);
    facts.present = true;
    facts.digest = definition.digest;
    facts.version = definition.version;
    facts.fingerprint = entry.fingerprint;
    facts.retry = entry.assignment->retry;
    facts.held_at.clear();
    facts.held_authors.clear();
    if (intent_is_new && !by_daemon) lift_reverts(facts, digest_is_new);
}

void record_invalid(const History& history, AssignmentHistory& facts, const Change& change,
                    const ResolvedAssignment& entry) {
    add_authors(facts.held_changers, changers_of(change));
    if (!facts.present) return;
    if (facts.held_at.empty()) {
        facts.held_at = history.tip;
        facts.held_number = history.length;
        facts.held_promotion = facts.promotion;
    }
    facts.held_promotion = promotion_after(std::move(facts.held_promotion), change, entry);
    add_authors(facts.held_authors, change.commit.authors);
}

void record_removed(History& history, AssignmentHistory& facts, const Change& change) {
    if (!facts.present) return;
    if (is_own_revert(change, facts.digest, std::nullopt)) note_revert(facts, change);
    remember_version(history, facts, {});
    AssignmentHistory left;
    left.versions = std::move(facts.versions);
    left.reverts = std::move(facts.reverts);
    left.gone_number = history.length;
    facts = std::move(left);
}

void tell(const AssignmentHistory& facts, Assignment& assignment) {
    assignment.intent = facts.intent;
    assignment.anchor_rules = facts.anchors;
    assignment.promotion = facts.promotion;
    assignment.stretches = facts.stretches;
    assignment.reverts = facts.reverts;
}

}  // namespace tidegate
