#pragma once
/// A local repository and the remotes it talks to, through libgit2. Calls block, over the network
/// without any time-out: the daemon uses GitProcess (child.h), the CLI this class.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/git/types.h"
#include "schema/base/result.h"

namespace tidegate::git {

/// Told of the bytes of one transfer so far, again and again while it goes on.
using Progress = std::function<void(std::size_t bytes)>;

/// Owns the open repository. One thread at a time; several objects on several threads are fine,
/// but `Remote::ca_file` and, for ssh, HOME are set for the whole process while one talks.
///
/// The user's and the system's Git configuration are not read, redirects to another host or
/// scheme not followed, tags and submodules not fetched, hooks of the local repository not run.
/// Trees are read from the object database, there is never a checkout.
///
/// Errors, beside those named below: not_found (no such commit), invalid (malformed id, path, name,
/// or what was committed is), exhausted (a limit of limits.h), internal (a damaged repository: what
/// is referred to in it is not there either, or cannot be read).
class Repository {
public:
    /// The daemon's own bare repository; made if missing. The caller must be its only user:
    /// lock and temporary files that a killed process left are removed.
    [[nodiscard]] static Result<Repository> open_or_init(const std::string& directory);
    /// Somebody's repository, bare or not, as it is.
    [[nodiscard]] static Result<Repository> open_existing(const std::string& path);

    Repository(Repository&&) noexcept;
    Repository& operator=(Repository&&) noexcept;
    ~Repository();

    /// Who is told how fetch and push come along, on the thread that calls them.
    void on_progress(Progress progress);
    /// Asks the remote for the branch's tip; downloads what is missing, only if it moved, into
    /// `refs/tidegate/remote/<branch>`. The new tip need not descend from the old one: see
    /// is_ancestor. Errors: unavailable (remote away), denied (credentials, certificate, host
    /// key), not_found (no such branch).
    [[nodiscard]] Result<Fetched> fetch(const Remote& remote, const std::string& branch);
    /// Whether the remote has this branch, as it says itself. Errors: as for fetch.
    [[nodiscard]] Result<bool> has_branch(const Remote& remote, const std::string& branch);
    /// The commit that an id or a revision (gitrevisions(7)) of a person names; of a branch and a
    /// tag of one name the branch.
    [[nodiscard]] Result<std::string> resolve(const std::string& revision) const;
    /// True where `descendant` is or descends from `ancestor`.
    [[nodiscard]] Result<bool> is_ancestor(const std::string& ancestor,
                                           const std::string& descendant) const;
    /// The changes after `from` (empty: from the root) up to `to` on the first-parent line,
    /// oldest first; from a commit with a remembered anchor the line goes back to that. conflict:
    /// `to` does not descend from `from`; exhausted: there are more than kHistoryCommitsMax.
    [[nodiscard]] Result<std::vector<Commit>> line(const std::string& from,
                                                   const std::string& to) const;
    /// All from `from` to `to` as one change with `from` as its anchor, however much that is.
    /// conflict: as for line.
    [[nodiscard]] Result<Commit> range(const std::string& from, const std::string& to) const;
    /// Of each path that differs in `to` from `from` (empty: from nothing), who changed it on the
    /// way: the authors of all commits that `to` reaches and `from` does not; of a merge only where
    /// its file equals none of its parents', so that whoever merges is no author. What none of them
    /// changed is by the author of `to`. exhausted: it is more than a difference may hold, or
    /// more than kHistoryCommitsMax commits.
    [[nodiscard]] Result<FileAuthors> file_authors(const std::string& from, const std::string& to,
                                                   const Scope& scope = {}) const;
    /// What the line has before the commit: its anchor, else its first parent; empty where the line
    /// begins.
    [[nodiscard]] Result<std::string> before(const std::string& commit) const;
    /// The commits on the line to `to` that changed the file, newest first, whatever else they
    /// changed; of a line of more than kHistoryCommitsMax only so many are looked at.
    [[nodiscard]] Result<std::vector<FileState>> file_line(const std::string& path,
                                                           const std::string& to) const;
    /// Every entry of the commit's tree but the folders (see EntryKind), ordered as Git orders
    /// trees. exhausted: there are more than kTreeFilesMax in the scope.
    [[nodiscard]] Result<std::vector<TreeEntry>> tree(const std::string& commit,
                                                      const Scope& scope = {}) const;
    /// What differs in `to` from `from`. Cost is that of the difference, not of the tree.
    /// exhausted: as for tree.
    [[nodiscard]] Result<std::vector<Change>> changes(const std::string& from,
                                                      const std::string& to,
                                                      const Scope& scope = {}) const;
    /// Contents, in the order asked for. A blob's size is known before it is read.
    [[nodiscard]] Result<std::vector<Blob>> blobs(const std::vector<std::string>& ids) const;

    /// Writes objects only; no ref moves. The same input gives the same id. invalid: a path is
    /// malformed, twice there, or goes through a symlink, submodule or file; not_found: a file
    /// to delete is not there.
    [[nodiscard]] Result<std::string> create_commit(const NewCommit& commit);
    /// Fast-forward only, never forced; success also where the remote already has it (a former
    /// answer was lost). conflict: the remote does not hold `expected`, or moved meanwhile, or
    /// the commit does not descend from it; denied: the server refused (hook, protected branch,
    /// credentials); unavailable: the remote is away, the outcome may be unknown.
    /// A remote on the same machine needs the `git` program, so that its hooks run.
    [[nodiscard]] Result<void> push(const Remote& remote, const PushRequest& request);
    /// Keeps the commit and all before it, whatever the remote does, by a ref under
    /// `refs/tidegate/accepted/`; refs there that it makes needless are removed.
    [[nodiscard]] Result<void> keep(const std::string& commit);
    /// From now on all that the commit brings on top of the anchor is one change on the line, by a
    /// ref under `refs/tidegate/anchors/`. Its own first parents tell of another way to it, and
    /// that would be the line once nobody knows where it was accepted from. A commit that is its
    /// own anchor begins the line: what is before it is not looked at.
    [[nodiscard]] Result<void> remember_anchor(const std::string& commit,
                                               const std::string& anchor);

    /// What `keep` and `remember_anchor` noted in another repository of ours, which may be damaged.
    /// Returns, for people, what is lost.
    [[nodiscard]] Result<std::vector<std::string>> take_over(const std::string& directory);

    struct State;  ///< private to the folder

private:
    explicit Repository(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// The URL without user and password, for people.
[[nodiscard]] std::string display_url(std::string_view url);

}  // namespace tidegate::git
