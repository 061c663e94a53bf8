#include "tests/simulation/engine/model_source.h"

#include "reconciler/engine/revert_input.h"
#include "schema/resolve/digest.h"

namespace tidegate::simulation {
namespace {

constexpr auto kName = "Tidegate";
constexpr auto kEmail = "tidegate@example.com";

std::shared_ptr<const ZoneRules> zones(const std::string& name) {
    auto zone = std::make_shared<ZoneRules>();
    zone->name = name;
    return zone;
}

LineOptions options() { return {zones, fmt::format("{} <{}>", kName, kEmail)}; }

LineCommit to_line_commit(const LineChange& change) {
    const auto& commit = *change.commit;
    LineCommit line;
    line.id = commit.id;
    line.parent = change.parent;
    line.author_name = commit.author_name;
    line.author_email = commit.author_email;
    line.committed_at = commit.at;
    line.message = commit.message;
    line.trailers = commit.trailers;
    line.authors = change.authors;
    return line;
}

/// `Key: value` lines of the last paragraph.
std::vector<std::pair<std::string, std::string>> trailers_of(const std::string& message) {
    std::vector<std::pair<std::string, std::string>> trailers;
    for (auto at = message.rfind("\n\n") + 2; at < message.size();) {
        const auto end = std::min(message.find('\n', at), message.size());
        const auto line = message.substr(at, end - at);
        if (const auto colon = line.find(": "); colon != std::string::npos)
            trailers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
        at = end + 1;
    }
    return trailers;
}

AssignmentPtr resolved_at(const ModelGit& git, const std::string& commit,
                          const AssignmentKey& key) {
    const auto resolved = resolve(documents_of(git.at(commit).files), zones, commit);
    const auto found = resolved.assignments.find(key);
    return found == resolved.assignments.end() ? nullptr : found->second->assignment;
}

}  // namespace

ModelSource::ModelSource(ModelGit& git, bool keeps_rules)
    : git_(git), keeps_rules_(keeps_rules), tracker_(options()) {}

void ModelSource::start(Start how, std::set<std::string> own_commits) {
    own_ = std::move(own_commits);
    if (how == Start::kept || tracker_.tip().empty()) return;
    const auto json = tracker_.json();
    const auto documents = documents_of(git_.at(tracker_.tip()).files);
    if (how == Start::replayed) {
        tracker_ = LineTracker(options());
        return;
    }
    auto loaded = LineTracker::load(options(), json, documents);
    if (!loaded) {
        violation = "13: a saved line cannot be taken up: " + loaded.error().text();
        return;
    }
    if (loaded->json() != json) violation = "13: a saved line comes back as another";
    tracker_ = std::move(*loaded);
}

// ---- the line

std::shared_ptr<const Desired> ModelSource::poll(Timestamp now) {
    follow();
    provide_missing();
    if (rebuilt_to_.empty()) rebuilt_to_ = tracker_.tip();
    auto desired = std::make_shared<Desired>(tracker_.desired(now));
    desired->repo = "model";
    desired->branch = "main";
    return desired;
}

void ModelSource::follow() {
    for (const auto& change : git_.line(tracker_.tip(), git_.tip())) {
        if (change.off_line) git_.remember_anchor(change.commit->id, change.parent);
        add(change);
    }
}

void ModelSource::add(const LineChange& change) {
    const auto changed = git_.changes(tracker_.tip(), change.commit->id);
    auto line = to_line_commit(change);
    line.own = own_.contains(line.id);
    line.proven_by_form = is_proven_by_form(*change.commit);
    tracker_.add_commit(line, documents_of(change.commit->files), changed);
}

/// As the daemon does: only what is older than the store.
bool ModelSource::is_proven_by_form(const Commit& commit) const {
    if (commit.author_email != kEmail || own_.contains(commit.id)) return false;
    return rebuilt_to_.empty() || git_.is_ancestor(commit.id, rebuilt_to_);
}

void ModelSource::provide_missing() {
    for (auto missing = tracker_.missing(); !missing.empty(); missing = tracker_.missing())
        for (const auto& commit : missing)
            tracker_.provide(commit, documents_of(git_.at(commit).files));
}

Result<DefinitionPtr> ModelSource::load(const engine::LoadDefinition& query) const {
    const auto there =
        git_.has(query.commit) ? resolved_at(git_, query.commit, query.key) : nullptr;
    if (!there) return fail(ErrorCode::not_found, "it is not valid there");
    return there->definition;
}

std::optional<LastGood> ModelSource::find(const engine::FindLastGood& query) const {
    std::optional<LastGood> newest;
    std::size_t distance = 0;
    for (const auto& candidate : query.candidates) {
        if (!git_.has(candidate.commit)) continue;
        const auto line = git_.line(candidate.commit, tracker_.tip());
        const bool off_line = line.size() == 1 && line.front().off_line;
        const auto there = resolved_at(git_, candidate.commit, query.key);
        const bool was_there = there && there->definition->digest == candidate.digest;
        if (off_line || !was_there || (newest && line.size() >= distance)) continue;
        newest = candidate;
        distance = line.size();
    }
    return newest;
}

// ---- reverts

Result<engine::RevertDone> ModelSource::revert(const engine::RevertRequest& request,
                                               Timestamp now) {
    ++git_.reverts_asked;
    if (git_.moved_on) return fail(ErrorCode::conflict, "newer commits have come");
    return request.prepared.empty() ? prepare(request, now, {}) : push(request, now);
}

Result<engine::RevertDone> ModelSource::prepare(const engine::RevertRequest& request, Timestamp now,
                                                const std::string& branch_only_reason) {
    using Done = engine::RevertDone;
    if (git_.tip() != tracker_.tip())
        return fail(ErrorCode::conflict, "newer commits are taken in first");
    auto input = TRY(input_of(request));
    input.branch_only_reason = branch_only_reason;
    const auto plan = plan_revert(input);
    if (plan.kind == RevertKind::nothing) return Done{Done::NotNeeded{plan.note}};
    const auto commit = create(plan, request.release, now);
    if (plan.kind != RevertKind::branch) return Done{Done::Prepared{commit}};
    git_.offer(plan.branch, commit);
    return Done{Done::Branched{plan.branch, commit}};
}

Result<RevertInput> ModelSource::input_of(const engine::RevertRequest& request) const {
    const auto path = version_path(request.key);
    const auto& tip = tracker_.tip();
    const auto before = git_.before(request.guilty_commit);
    auto input = TRY(engine::revert_input(request, tracker_.history()));
    input.version_at_tip = git_.text(tip, path);
    input.version_at_parent = git_.text(before, path);
    input.version_at_guilty = git_.text(request.guilty_commit, path);
    input.version_at_good = git_.text(request.good ? request.good->commit : "", path);
    if (!before.empty())
        for (const auto& changed : git_.changes(before, request.guilty_commit)) {
            const auto old = git_.text(before, changed);
            const bool untouched =
                git_.text(tip, changed) == git_.text(request.guilty_commit, changed);
            input.guilty_files.push_back({changed, untouched, old});
        }
    input.digest_with = [this, key = request.key](const auto& text) {
        return digest_with(key, text);
    };
    return input;
}

std::optional<Digest> ModelSource::digest_with(const AssignmentKey& key,
                                               const std::optional<std::string>& text) const {
    const auto path = version_path(key);
    auto documents = documents_of(git_.at(tracker_.tip()).files);
    documents.erase(path);
    if (text) documents.emplace(path, parse(path, *text));
    return tracker_.digest_with(documents, key);
}

std::string ModelSource::create(const RevertPlan& plan, const std::string& release, Timestamp now) {
    Edits edits;
    for (const auto& edit : plan.edits) edits[edit.path] = edit.content;
    Commit commit{.parents = {tracker_.tip()},
                  .author_name = kName,
                  .author_email = kEmail,
                  .message = plan.message,
                  .trailers = trailers_of(plan.message),
                  .release = release,
                  .at = now};
    auto id = git_.create(std::move(commit), edits);
    own_.insert(id);
    return id;
}

Result<engine::RevertDone> ModelSource::push(const engine::RevertRequest& request, Timestamp now) {
    using Done = engine::RevertDone;
    own_.insert(request.prepared);
    if (git_.protected_branch) return prepare(request, now, "main is protected");
    if (git_.push(request.prepared)) {
        check_pushed(request);
        return Done{Done::Pushed{request.prepared}};
    }
    if (git_.is_ancestor(request.prepared, git_.tip())) return Done{Done::Pushed{request.prepared}};
    return fail(ErrorCode::conflict, "lost the race");
}

/// Else the store was lost, and a merge the wrong way round has taken it off the line: what it
/// took back is in force again.
bool ModelSource::is_known(const std::string& revert) const {
    return own_.contains(revert) ||
           std::ranges::any_of(git_.line("", git_.tip()), [&](const LineChange& change) {
               return change.commit->id == revert;
           });
}

void ModelSource::check_pushed(const engine::RevertRequest& request) {
    auto& former = reverted_[request.release];
    if (!former.empty() && is_known(former))
        violation = "11: a second revert of " + request.release;
    former = request.prepared;
    const auto& commit = git_.at(git_.tip());
    for (const auto& path : git_.changes(commit.parents.front(), commit.id))
        if (path != version_path(request.key)) violation = "12: the revert changed " + path;
    const auto there = resolved_at(git_, commit.id, request.key);
    if (request.good ? !there || there->definition->digest != request.good->digest
                     : git_.text(commit.id, version_path(request.key)).has_value())
        violation = "12: the revert does not resolve to last good";
    if (!keeps_rules_ || !request.good) return;
    const auto& before = git_.at(commit.parents.front()).config.specs.at(request.key);
    const auto& after = commit.config.specs.at(request.key);
    if (before.pins != after.pins || before.paused != after.paused || after.retry < before.retry)
        violation = "12: the revert changed pins, paused or retry";
}

}  // namespace tidegate::simulation
