#include "tests/simulation/engine/model_git.h"

#include <fmt/core.h>

#include <algorithm>

#include "schema/resolve/resolve.h"

namespace tidegate::simulation {
namespace {

std::string author_of(const Commit& commit) {
    return commit.author_name + " <" + commit.author_email + ">";
}

void edit(Commit& commit, const Edits& edits) {
    for (const auto& [path, text] : edits) {
        commit.files.erase(path);
        if (text) commit.files[path] = std::make_shared<const std::string>(*text);
        commit.config.take(path, text ? parse(path, *text).get() : nullptr);
    }
}

/// Takes the environment's window away, or puts back the one that the root had.
Fleet::Place turned(const Config& now, const Config& root, const std::string& environment) {
    auto place = now.fleet.environments.at(environment);
    if (place.window)
        place.window.reset();
    else
        place.window = root.fleet.environments.at(environment).window;
    return place;
}

}  // namespace

ModelGit::ModelGit(const Fleet& fleet, Timestamp now) {
    Edits edits;
    for (const auto& [name, place] : fleet.environments)
        edits[environment_path(name)] = text_of(name, place);
    for (const auto& [name, script] : fleet.projects)
        edits[project_path(name)] = project_text(name, script, fleet.slotted);
    Commit first;
    first.at = now;
    root_ = tip_ = add(std::move(first), edits).id;
}

const Commit& ModelGit::add(Commit commit, const Edits& edits) {
    commit.id = fmt::format("c{:04}", next_++);
    edit(commit, edits);
    auto id = commit.id;
    return commits_.emplace(std::move(id), std::move(commit)).first->second;
}

// ---- people

std::string ModelGit::commit(const AssignmentKey& key, const Spec* spec, Timestamp now,
                             bool turn_window) {
    Edits edits;
    edits[version_path(key)] = spec ? std::optional(text_of(*spec)) : std::nullopt;
    if (!fleet().projects.contains(key.project))
        edits[project_path(key.project)] = project_text(key.project, "install", fleet().slotted);
    const auto& root = at(root_).config;
    if (turn_window && root.fleet.environments.at(key.environment).window)
        edits[environment_path(key.environment)] =
            text_of(key.environment, turned(config(), root, key.environment));
    return commit(edits, now);
}

std::string ModelGit::commit(const Edits& edits, Timestamp now) {
    Commit next{.parents = {tip_}, .at = now, .files = at(tip_).files, .config = at(tip_).config};
    return tip_ = add(std::move(next), edits).id;
}

std::string ModelGit::merge(const std::vector<Edits>& edits, int behind, bool wrong_way,
                            Timestamp now) {
    auto branch = tip_;
    for (; behind > 0 && !before(branch).empty(); --behind) branch = before(branch);
    Commit merged{.author_name = "Merger",
                  .author_email = "merger@example.com",
                  .at = now,
                  .files = at(tip_).files,
                  .config = at(tip_).config};
    Edits all;
    for (const auto& some : edits) {
        Commit next{
            .parents = {branch}, .at = now, .files = at(branch).files, .config = at(branch).config};
        branch = add(std::move(next), some).id;
        for (const auto& [path, text] : some) all[path] = text;
    }
    merged.parents = {tip_, branch};
    if (wrong_way) std::ranges::reverse(merged.parents);
    return tip_ = add(std::move(merged), all).id;
}

bool ModelGit::merge_offer(Timestamp now) {
    if (offers_.empty()) return false;
    const auto offered = offers_.begin()->second;
    offers_.erase(offers_.begin());
    const auto& parent = at(offered).parents.front();
    Commit merged{.parents = {tip_, offered},
                  .author_name = "Merger",
                  .author_email = "merger@example.com",
                  .at = now,
                  .files = at(tip_).files,
                  .config = at(tip_).config};
    Edits edits;
    for (const auto& path : changes(parent, offered)) {
        if (text(tip_, path) != text(parent, path)) return false;  // a conflict: left alone
        edits[path] = text(offered, path);
    }
    tip_ = add(std::move(merged), edits).id;
    return true;
}

// ---- what is there

const Spec* ModelGit::spec_at_tip(const AssignmentKey& key) const {
    const auto found = config().specs.find(key);
    return found == config().specs.end() ? nullptr : &found->second;
}

const ReleaseWindow* ModelGit::window_at(const std::string& commit,
                                         const std::string& environment) const {
    const auto there = commits_.find(commit);
    if (there == commits_.end()) return nullptr;
    const auto& environments = there->second.config.fleet.environments;
    const auto place = environments.find(environment);
    return place == environments.end() || !place->second.window ? nullptr : &*place->second.window;
}

std::vector<std::string> ModelGit::former_versions(const AssignmentKey& key) const {
    std::vector<std::string> versions;
    const auto* now = spec_at_tip(key);
    for (const auto& change : line("", tip_)) {
        const auto& specs = change.commit->config.specs;
        const auto there = specs.find(key);
        if (there == specs.end() || (now && there->second.version == now->version)) continue;
        if (std::ranges::find(versions, there->second.version) == versions.end())
            versions.push_back(there->second.version);
    }
    return versions;
}

std::set<std::string> ModelGit::reached_from(const std::string& commit) const {
    std::set<std::string> reached;
    std::vector<std::string> open{commit};
    while (!open.empty()) {
        const auto id = open.back();
        open.pop_back();
        if (!reached.insert(id).second) continue;
        for (const auto& parent : at(id).parents) open.push_back(parent);
    }
    return reached;
}

bool ModelGit::is_ancestor(const std::string& commit, const std::string& of) const {
    return reached_from(of).contains(commit);
}

std::set<std::string> ModelGit::authors_between(const std::string& from,
                                                const std::string& to) const {
    std::set<std::string> authors;
    const auto old = reached_from(from);
    for (const auto& id : reached_from(to))
        if (!old.contains(id)) authors.insert(author_of(at(id)));
    return authors;
}

std::string ModelGit::before(const std::string& commit) const {
    if (const auto anchor = anchors_.find(commit); anchor != anchors_.end()) return anchor->second;
    const auto& parents = at(commit).parents;
    return parents.empty() ? "" : parents.front();
}

std::vector<LineChange> ModelGit::line(const std::string& from, const std::string& to) const {
    std::vector<LineChange> changes;
    for (auto id = to; id != from; id = before(id)) {
        if (id.empty()) return {{&at(to), from, authors_between(from, to), true}};
        LineChange change{&at(id), before(id), {author_of(at(id))}};
        if (at(id).parents.size() > 1) change.authors = authors_between(change.parent, id);
        changes.push_back(std::move(change));
    }
    std::ranges::reverse(changes);
    return changes;
}

std::set<std::string> ModelGit::changes(const std::string& from, const std::string& to) const {
    std::set<std::string> paths;
    const Files none;
    const auto& before = from.empty() ? none : at(from).files;
    const auto& after = at(to).files;
    const auto differs = [&](const std::string& path, const Files& in, const Text& text) {
        const auto there = in.find(path);
        return there == in.end() || (there->second != text && *there->second != *text);
    };
    for (const auto& [path, text] : before)
        if (differs(path, after, text)) paths.insert(path);
    for (const auto& [path, text] : after)
        if (differs(path, before, text)) paths.insert(path);
    return paths;
}

std::optional<std::string> ModelGit::text(const std::string& commit,
                                          const std::string& path) const {
    const auto there = commits_.find(commit);
    if (there == commits_.end()) return std::nullopt;
    const auto file = there->second.files.find(path);
    return file == there->second.files.end() ? std::nullopt : std::optional(*file->second);
}

// ---- the daemon

std::string ModelGit::create(Commit commit, const Edits& edits) {
    const auto& parent = at(commit.parents.front());
    commit.files = parent.files;
    commit.config = parent.config;
    return add(std::move(commit), edits).id;
}

bool ModelGit::push(const std::string& commit) {
    if (at(commit).parents.front() != tip_) return false;
    tip_ = commit;
    return true;
}

void ModelGit::remember_anchor(const std::string& commit, const std::string& anchor) {
    anchors_[commit] = anchor;
}

DocumentTree documents_of(const Files& files) {
    DocumentTree documents;
    for (const auto& [path, text] : files)
        documents.emplace_hint(documents.end(), path, parse(path, *text));
    return documents;
}

}  // namespace tidegate::simulation
