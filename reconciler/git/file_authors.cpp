// Who changed which file of a change that brings several commits.
#include <optional>
#include <set>
#include <utility>

#include "reconciler/git/difference.h"
#include "reconciler/git/people.h"
#include "schema/base/limits.h"

namespace tidegate::git {
namespace {

using Paths = std::set<std::string>;

Result<Paths> paths_between(git_repository* repository, Bounds& bounds, const git_tree* before,
                            const git_tree* after) {
    Paths paths;
    const auto take = [&](std::string told, const git_tree_entry*,
                          const std::string&) -> Result<void> {
        paths.insert(std::move(told));
        return {};
    };
    CHECK(Difference(repository, bounds, take).visit(before, after));
    return paths;
}

/// What the commit itself changed: where it merges, only what equals none of its parents.
Result<Paths> paths_of(git_repository* repository, Bounds& bounds, const git_commit* commit) {
    Handle<git_tree> after;
    CHECK(checked_part(git_commit_tree(out(after), commit),
                       "tree of " + to_text(*git_commit_id(commit))));
    const auto parents = git_commit_parentcount(commit);
    if (parents == 0) return paths_between(repository, bounds, nullptr, after.get());
    std::optional<Paths> paths;
    for (unsigned i = 0; i < parents && (!paths || !paths->empty()); ++i) {
        const auto before = TRY(find_tree(repository, to_text(*git_commit_parent_id(commit, i))));
        auto differ = TRY(paths_between(repository, bounds, before.get(), after.get()));
        if (paths) std::erase_if(*paths, [&](const auto& path) { return !differ.contains(path); });
        if (!paths) paths = std::move(differ);
    }
    return *std::move(paths);
}

/// Fills in who is behind the paths of `authors` which differ.
class AuthorsOfFiles {
public:
    AuthorsOfFiles(git_repository* repository, Bounds& bounds, FileAuthors& authors)
        : repository_{repository}, bounds_{bounds}, authors_{authors} {}

    Result<void> add(const git_oid& id) {
        Handle<git_commit> commit;
        CHECK(checked_part(git_commit_lookup(out(commit), repository_, &id),
                           "commit " + to_text(id)));
        for (const auto& path : TRY(paths_of(repository_, bounds_, commit.get())))
            if (const auto found = authors_.find(path); found != authors_.end())
                CHECK(add(found->second, commit.get()));
        return {};
    }
    /// What none of the commits changed, as when a merge takes an older file back: by whoever made
    /// it so.
    Result<void> add_missing(const git_commit* last) {
        for (auto& [path, authors] : authors_)
            if (authors.empty()) CHECK(add(authors, last));
        return {};
    }

private:
    Result<void> add(std::set<std::string>& authors, const git_commit* commit) {
        if (authors.contains(limits::kMoreAuthors)) return {};
        auto author =
            text_of(to_person(git_commit_author(commit), git_commit_message_encoding(commit)));
        bytes_ += author.size();
        if (bytes_ > limits::kTreePathBytesMax)
            return fail(ErrorCode::exhausted, "the authors of its files are more than can be told");
        const bool room = authors.size() < limits::kAuthorsMax - 1 || authors.contains(author);
        authors.insert(room ? std::move(author) : limits::kMoreAuthors);
        return {};
    }

    git_repository* repository_;
    Bounds& bounds_;
    FileAuthors& authors_;
    std::size_t bytes_ = 0;
};

Result<void> add_between(AuthorsOfFiles& authors, git_repository* repository, const git_oid* from,
                         const git_oid& to) {
    Handle<git_revwalk> walk;
    CHECK(checked(git_revwalk_new(out(walk), repository), "history"));
    CHECK(checked_part(git_revwalk_push(walk.get(), &to), "history of " + to_text(to)));
    if (from)
        CHECK(checked_part(git_revwalk_hide(walk.get(), from), "history of " + to_text(*from)));
    git_oid id{};
    int code = 0;
    for (std::size_t count = 0; (code = git_revwalk_next(&id, walk.get())) == 0; ++count) {
        if (count == limits::kHistoryCommitsMax)
            return fail(ErrorCode::exhausted, "{} brings more than {} commits", to_text(to),
                        limits::kHistoryCommitsMax);
        CHECK(authors.add(id));
    }
    if (code != GIT_ITEROVER) CHECK(checked_part(code, "history of " + to_text(to)));
    return {};
}

}  // namespace

Result<FileAuthors> Repository::file_authors(const std::string& from, const std::string& to,
                                             const Scope& scope) const {
    auto* repository = state_->get();
    const auto last = TRY(find_commit(repository, to));
    const auto after = TRY(find_tree(repository, to));
    Handle<git_tree> before;
    std::optional<git_oid> start;
    if (!from.empty()) {
        before = TRY(find_tree(repository, from));
        start = TRY(to_oid(from));
    }
    Bounds bounds{scope};  // one for all: what many commits visit together is bounded, too
    FileAuthors found;
    for (const auto& path : TRY(paths_between(repository, bounds, before.get(), after.get())))
        found[path];
    AuthorsOfFiles authors{repository, bounds, found};
    CHECK(add_between(authors, repository, start ? &*start : nullptr, *git_commit_id(last.get())));
    CHECK(authors.add_missing(last.get()));
    return found;
}

}  // namespace tidegate::git
