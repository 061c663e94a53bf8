#pragma once
/// Private to this folder: a walk over what differs between two trees.

#include <functional>
#include <string>
#include <utility>

#include "reconciler/git/entries.h"

namespace tidegate::git {

/// Cost is that of the difference. Refers to what it is given; `bounds` may be one for many walks.
class Difference {
public:
    /// Is told of each path that differs: as people know it, the entry now (null: it was deleted),
    /// and its path byte by byte.
    using Found = std::function<Result<void>(std::string told, const git_tree_entry* now,
                                             const std::string&)>;

    Difference(git_repository* repository, Bounds& bounds, Found found)
        : repository_{repository}, bounds_{bounds}, found_{std::move(found)} {}

    /// Null = an empty folder. Both lists are in one order, so one pass finds the pairs; what
    /// became a folder, or was one, is no pair.
    [[nodiscard]] Result<void> visit(const git_tree* before, const git_tree* after,
                                     const std::string& prefix = "", std::size_t depth = 0);

private:
    [[nodiscard]] Result<void> visit_pair(const git_tree_entry* old, const git_tree_entry* now,
                                          const std::string& path, const std::string& prefix,
                                          std::size_t depth);

    git_repository* repository_;
    Bounds& bounds_;
    Found found_;
};

}  // namespace tidegate::git
