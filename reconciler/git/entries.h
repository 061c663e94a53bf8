#pragma once
/// Private to this folder: entries of trees, and which of them are entered.

#include "reconciler/git/library.h"
#include "schema/base/limits.h"

namespace tidegate::git {

/// The first entries outside a scope that are told of.
inline constexpr std::size_t kNeighboursMax = 1'000;

struct Header {
    std::uint64_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
};

[[nodiscard]] Result<Handle<git_odb>> open_database(git_repository* repository);
[[nodiscard]] Result<Header> read_header(git_odb* database, const git_oid& id);

[[nodiscard]] inline bool is_folder(const git_tree_entry* entry) {
    return git_tree_entry_type(entry) == GIT_OBJECT_TREE;
}
[[nodiscard]] Result<Handle<git_tree>> open_folder(git_repository* repository,
                                                   const git_tree_entry* entry);
/// The name of an entry, as part of a path that no other entry has: git takes trees with a slash in
/// a name, or with a name twice, from whoever pushes. U+FFFD takes the place of the slash, or
/// stands behind the second one's name.
[[nodiscard]] std::string name_in(const git_tree* tree, std::size_t index);
/// The entry as it is told of: a folder as one that is not entered, with a slash behind its path.
[[nodiscard]] Result<TreeEntry> make_entry(git_odb* database, const git_tree_entry* entry,
                                           const std::string& path);
/// The path under which make_entry tells of it.
[[nodiscard]] std::string told_path(const git_tree_entry* entry, const std::string& path);

/// Counts what a walk meets, folders too: trees that name one another can unfold to any number of
/// them without a file, and each path below them repeats their names.
class Bounds {
public:
    explicit Bounds(const Scope& scope) : scope_{scope} {}

    /// Whether something at the top belongs to the scope.
    [[nodiscard]] bool covers(const git_tree_entry* entry) const;
    /// exhausted: it is one too many, or its path too long; `what` says of what.
    [[nodiscard]] Result<void> count(const char* what, const git_tree_entry* entry,
                                     const std::string& prefix);
    /// Whether one more entry beside the scope is told of.
    [[nodiscard]] bool takes_neighbour() { return neighbours_++ < kNeighboursMax; }

private:
    const Scope& scope_;
    std::size_t visited_ = 0;
    std::size_t path_bytes_ = 0;
    std::size_t neighbours_ = 0;
};

}  // namespace tidegate::git
