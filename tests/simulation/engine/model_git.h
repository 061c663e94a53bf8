#pragma once
/// A config repo at the remote: commits with parents, files and authors, the branch, and people who
/// push to it. What the daemon makes of it is model_source.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/engine/documents.h"

namespace tidegate::simulation {

using Text = std::shared_ptr<const std::string>;
using Files = std::map<std::string, Text>;  ///< by path
/// none: delete.
using Edits = std::map<std::string, std::optional<std::string>>;

struct Commit {
    std::string id{};
    std::vector<std::string> parents{};
    std::string author_name = "Person";
    std::string author_email = "person@example.com";
    std::string message{};
    std::vector<std::pair<std::string, std::string>> trailers{};
    std::string release{};  ///< a revert's
    Timestamp at{};
    Files files{};
    Config config{};
};

/// One change on the first-parent line, as the Git edge tells it.
struct LineChange {
    const Commit* commit = nullptr;
    std::string parent;             ///< of an off-line range: its anchor
    std::set<std::string> authors;  ///< of all that it brings
    bool off_line = false;
};

class ModelGit {
public:
    /// The root commit holds the fleet and no version file.
    ModelGit(const Fleet& fleet, Timestamp now);

    // ---- people
    /// A version file; nullptr takes it away. A project that is not there comes with it. With
    /// `turn_window`, the commit also takes the environment's window away, or puts it back.
    std::string commit(const AssignmentKey& key, const Spec* spec, Timestamp now,
                       bool turn_window = false);
    std::string commit(const Edits& edits, Timestamp now);
    /// A branch of `edits`, one commit each, merged. The right way round the merge is one change on
    /// the line. The wrong way round its first parent is the branch, that left the line `behind`
    /// commits ago: the line does not pass through the former tip any more.
    std::string merge(const std::vector<Edits>& edits, int behind, bool wrong_way, Timestamp now);
    /// Somebody merges what a revert offered on a branch; false: nothing is offered.
    bool merge_offer(Timestamp now);

    // ---- what is there
    [[nodiscard]] const std::string& tip() const { return tip_; }
    [[nodiscard]] const std::string& root() const { return root_; }
    [[nodiscard]] const Commit& at(const std::string& id) const { return commits_.at(id); }
    [[nodiscard]] bool has(const std::string& id) const { return commits_.contains(id); }
    [[nodiscard]] const Config& config() const { return commits_.at(tip_).config; }
    [[nodiscard]] const Fleet& fleet() const { return config().fleet; }
    [[nodiscard]] const Spec* spec_at_tip(const AssignmentKey& key) const;
    /// As of that commit; "" = before the first.
    [[nodiscard]] const ReleaseWindow* window_at(const std::string& commit,
                                                 const std::string& environment) const;
    /// Other than that at the tip; the newest last.
    [[nodiscard]] std::vector<std::string> former_versions(const AssignmentKey& key) const;
    [[nodiscard]] bool is_ancestor(const std::string& commit, const std::string& of) const;
    /// The first-parent line from behind `from` (empty: from the root) to `to`, oldest first; the
    /// whole range as one change where it does not pass through `from`.
    [[nodiscard]] std::vector<LineChange> line(const std::string& from,
                                               const std::string& to) const;
    /// What is before a commit on the line; empty for the root.
    [[nodiscard]] std::string before(const std::string& commit) const;
    [[nodiscard]] std::set<std::string> changes(const std::string& from,
                                                const std::string& to) const;
    [[nodiscard]] std::optional<std::string> text(const std::string& commit,
                                                  const std::string& path) const;

    // ---- the daemon
    /// Not on the branch yet.
    std::string create(Commit commit, const Edits& edits);
    [[nodiscard]] bool push(const std::string& commit);
    void offer(const std::string& branch, const std::string& commit) { offers_[branch] = commit; }
    void remember_anchor(const std::string& commit, const std::string& anchor);

    bool protected_branch = false;
    bool moved_on = false;  ///< the tip is never the one that reverts are planned on
    int reverts_asked = 0;

private:
    const Commit& add(Commit commit, const Edits& edits);
    [[nodiscard]] std::set<std::string> authors_between(const std::string& from,
                                                        const std::string& to) const;
    [[nodiscard]] std::set<std::string> reached_from(const std::string& commit) const;

    std::map<std::string, Commit> commits_;
    std::map<std::string, std::string> anchors_;
    std::map<std::string, std::string> offers_;  ///< branch → commit
    std::string root_;
    std::string tip_;
    int next_ = 0;
};

[[nodiscard]] DocumentTree documents_of(const Files& files);

}  // namespace tidegate::simulation
