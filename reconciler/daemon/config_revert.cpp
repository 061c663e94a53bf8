#include <spdlog/spdlog.h>

#include <algorithm>

#include "reconciler/daemon/config_source.h"
#include "reconciler/engine/revert_input.h"
#include "reconciler/source/line_files.h"
#include "schema/base/limits.h"

namespace tidegate::daemon {
namespace {

using Entries = std::map<std::string, git::TreeEntry>;

Entries by_path(std::vector<git::TreeEntry> entries) {
    Entries map;
    for (auto& entry : entries) {
        auto path = entry.path;
        map.emplace(std::move(path), std::move(entry));
    }
    return map;
}

/// Files at several commits, read through one Git child.
class Texts {
public:
    explicit Texts(git::GitProcess& git) : git_{git} {}

    Result<std::optional<std::string>> at(const std::string& commit, const std::string& path) {
        return text(TRY(entry(commit, path)));
    }
    /// The text of the file is read only where it may have to be written again.
    Result<GuiltyFile> guilty_file(const std::string& path, const std::string& parent,
                                   const std::string& guilty, const std::string& tip) {
        GuiltyFile file{path};
        if (!source::DocumentReader::is_ours(path)) return file;
        const auto* before = TRY(entry(parent, path));
        const auto* after = TRY(entry(guilty, path));
        const auto* now = TRY(entry(tip, path));
        const auto size = before ? before->size : 0;
        file.can_go_back = is_plain(before) && is_plain(now) && blob_of(now) == blob_of(after) &&
                           blob_of(before) != blob_of(after) && size <= limits::kFileBytesMax &&
                           bytes_ + size <= limits::kRevertTextsBytesMax;
        if (!file.can_go_back) return file;
        bytes_ += size;
        file.before = TRY(text(before));
        return file;
    }

private:
    static bool is_plain(const git::TreeEntry* entry) {
        return !entry || entry->kind <= git::EntryKind::executable;
    }
    static std::string blob_of(const git::TreeEntry* entry) { return entry ? entry->blob : ""; }

    /// Null = it is not there.
    Result<const git::TreeEntry*> entry(const std::string& commit, const std::string& path) {
        if (commit.empty()) return nullptr;
        if (!trees_.contains(commit))
            trees_.emplace(commit,
                           by_path(TRY(git_.tree(commit, source::DocumentReader::scope()))));
        const auto& tree = trees_.at(commit);
        const auto found = tree.find(path);
        return found == tree.end() ? nullptr : &found->second;
    }
    Result<std::optional<std::string>> text(const git::TreeEntry* entry) {
        if (!entry || !is_plain(entry)) return std::optional<std::string>{};
        auto blobs = TRY(git_.blobs({entry->blob}));
        if (blobs.size() != 1 || blobs.front().too_large)
            return fail(ErrorCode::invalid, "{} is too large to put back", entry->path);
        return std::optional<std::string>{std::move(blobs.front().content)};
    }

    git::GitProcess& git_;
    std::map<std::string, Entries> trees_;
    std::uint64_t bytes_ = 0;  ///< of guilty files that were read
};

/// None where its commit is in no Git any more: the guilty commit's parent may be as good.
Result<std::optional<std::string>> text_of_good(Texts& texts, const engine::RevertRequest& request,
                                                const std::string& path) {
    auto text = texts.at(request.good ? request.good->commit : "", path);
    if (!text && text.error().code == ErrorCode::not_found) return std::optional<std::string>{};
    return text;
}

}  // namespace

Result<engine::RevertDone> ConfigSource::revert(const engine::RevertRequest& request,
                                                Timestamp now) {
    return request.prepared.empty() ? prepare(request, now, {}) : push(request, now);
}

Result<engine::RevertDone> ConfigSource::prepare(const engine::RevertRequest& request,
                                                 Timestamp now,
                                                 const std::string& branch_only_reason) {
    const auto tip = TRY(git_.fetch(options_.remote, options_.branch)).tip;
    if (tip != tracker_.tip())
        return fail(ErrorCode::conflict, "newer commits have come; they are taken in first");
    auto input = TRY(revert_input(request));
    input.branch_only_reason = branch_only_reason;
    auto plan = plan_revert(input);
    if (plan.kind == RevertKind::nothing)
        return engine::RevertDone{engine::RevertDone::NotNeeded{plan.note}};
    const auto commit = TRY(commit_plan(plan, now));
    if (plan.kind != RevertKind::branch)
        return engine::RevertDone{engine::RevertDone::Prepared{commit}};
    CHECK(find_free_name(plan.branch));
    spdlog::warn("revert: {}", plan.note);
    const auto pushed = git_.push(options_.remote, {commit, "refs/heads/" + plan.branch, {}});
    if (!pushed && pushed.error().code != ErrorCode::conflict) return fail(pushed.error());
    if (!pushed && !TRY(git_.has_branch(options_.remote, plan.branch)))
        return fail(pushed.error());  // no branch of that name is what stands in the way
    if (!pushed && !TRY(is_offered(plan, commit, request.guilty_commit)))
        return fail(ErrorCode::conflict, "the branch {} is there already, with other content",
                    plan.branch);
    return engine::RevertDone{engine::RevertDone::Branched{plan.branch, pushed ? commit : ""}};
}

/// Git keeps branches like files: beside `tidegate` there can be no `tidegate/revert-…`.
Result<void> ConfigSource::find_free_name(std::string& branch) {
    const auto slash = branch.find('/');
    if (slash == std::string::npos) return {};
    const auto folder = branch.substr(0, slash);
    if (!TRY(git_.has_branch(options_.remote, folder))) return {};
    branch[slash] = '-';
    spdlog::warn("revert: a branch named {} is in the way, so the offer is {}", folder, branch);
    return {};
}

/// Whether the remote's branch of that name offers what `commit` does. A former answer may have
/// been lost, and the tip moved since.
Result<bool> ConfigSource::is_offered(const RevertPlan& plan, const std::string& commit,
                                      const std::string& guilty) {
    const auto theirs = TRY(git_.fetch(options_.remote, plan.branch)).tip;
    if (!TRY(git_.is_ancestor(guilty, theirs))) return false;
    const auto changes = TRY(source::changes_between(git_, commit, theirs));
    return std::ranges::none_of(plan.edits, [&](const auto& edit) {
        return std::ranges::find(changes, edit.path, &git::Change::path) != changes.end();
    });
}

Result<RevertInput> ConfigSource::revert_input(const engine::RevertRequest& request) {
    const auto path = version_path(request.key);
    const auto& tip = tracker_.tip();
    const auto before = TRY(git_.before(request.guilty_commit));
    Texts texts{git_};

    auto input = TRY(engine::revert_input(request, tracker_.history()));
    input.version_at_tip = TRY(texts.at(tip, path));
    input.version_at_guilty = TRY(texts.at(request.guilty_commit, path));
    input.version_at_parent = TRY(texts.at(before, path));
    input.version_at_good = TRY(text_of_good(texts, request, path));
    const auto changes = before.empty()
                             ? std::vector<git::Change>{}
                             : TRY(source::changes_between(git_, before, request.guilty_commit));
    for (const auto& change : changes)
        input.guilty_files.push_back(
            TRY(texts.guilty_file(change.path, before, request.guilty_commit, tip)));
    input.digest_with = [this, key = request.key](const auto& text) {
        return digest_with(key, text);
    };
    return input;
}

std::optional<Digest> ConfigSource::digest_with(const AssignmentKey& key,
                                                const std::optional<std::string>& text) {
    const auto path = version_path(key);
    auto documents = documents_;
    documents.erase(path);
    if (text)
        documents.emplace(path,
                          source::DocumentReader::read_text_again(path, *text, tracker_.checks()));
    return tracker_.digest_with(documents, key);
}

Result<std::string> ConfigSource::commit_plan(const RevertPlan& plan, Timestamp now) {
    git::NewCommit commit;
    commit.parent = tracker_.tip();
    for (const auto& edit : plan.edits) commit.edits.push_back({edit.path, edit.content});
    commit.message = plan.message;
    commit.author = options_.identity;
    commit.at = now;
    auto id = TRY(git_.create_commit(commit));
    own_.insert(id);
    return id;
}

Result<engine::RevertDone> ConfigSource::push(const engine::RevertRequest& request, Timestamp now) {
    const auto& commit = request.prepared;
    own_.insert(commit);
    const auto parent = git_.resolve(commit + "^");
    if (!parent && parent.error().code == ErrorCode::not_found)
        return prepare(request, now, {});  // it was lost with a damaged copy
    CHECK(parent);
    options_.crash_point("revert.before_push");
    const auto pushed =
        git_.push(options_.remote, {commit, "refs/heads/" + options_.branch, *parent});
    options_.crash_point("revert.after_push");
    if (pushed) return engine::RevertDone{engine::RevertDone::Pushed{commit}};
    if (pushed.error().code == ErrorCode::denied)
        return prepare(request, now,
                       fmt::format("{} is protected: {}", options_.branch, pushed.error().message));
    if (pushed.error().code != ErrorCode::conflict) return fail(pushed.error());
    // A former answer may have been lost: then ours is part of the line already.
    const auto tip = TRY(git_.fetch(options_.remote, options_.branch)).tip;
    if (TRY(git_.is_ancestor(commit, tip)))
        return engine::RevertDone{engine::RevertDone::Pushed{commit}};
    return fail(pushed.error());
}

}  // namespace tidegate::daemon
