// What differs between two trees, folder by folder. libgit2's own comparison cannot be bounded:
// folders without a file cost it time and give it nothing to count.
#include <algorithm>
#include <cstring>

#include "reconciler/git/difference.h"

namespace tidegate::git {
namespace {

/// Git's order of entries: a folder stands where its name with a slash would.
int compare(const git_tree_entry* a, const git_tree_entry* b) {
    const std::string_view left = git_tree_entry_name(a), right = git_tree_entry_name(b);
    const auto common = std::min(left.size(), right.size());
    if (const int order = std::memcmp(left.data(), right.data(), common); order != 0) return order;
    const auto next = [&](std::string_view name, const git_tree_entry* entry) {
        if (name.size() > common) return static_cast<unsigned char>(name[common]);
        return static_cast<unsigned char>(is_folder(entry) ? '/' : '\0');
    };
    return int{next(left, a)} - int{next(right, b)};
}

bool same(const git_tree_entry* a, const git_tree_entry* b) {
    return git_oid_equal(git_tree_entry_id(a), git_tree_entry_id(b)) &&
           git_tree_entry_filemode(a) == git_tree_entry_filemode(b);
}

}  // namespace

Result<void> Difference::visit(const git_tree* before, const git_tree* after,
                               const std::string& prefix, std::size_t depth) {
    const auto size_of = [](const git_tree* tree) { return tree ? git_tree_entrycount(tree) : 0; };
    for (std::size_t i = 0, j = 0; i < size_of(before) || j < size_of(after);) {
        const auto* old = i < size_of(before) ? git_tree_entry_byindex(before, i) : nullptr;
        const auto* now = j < size_of(after) ? git_tree_entry_byindex(after, j) : nullptr;
        const int order = !old ? 1 : !now ? -1 : compare(old, now);
        if (order < 0) now = nullptr;
        if (order > 0) old = nullptr;
        if (!old || !now || !same(old, now))
            CHECK(visit_pair(old, now, prefix + (now ? name_in(after, j) : name_in(before, i)),
                             prefix, depth));
        i += old != nullptr;
        j += now != nullptr;
    }
    return {};
}

Result<void> Difference::visit_pair(const git_tree_entry* old, const git_tree_entry* now,
                                    const std::string& path, const std::string& prefix,
                                    std::size_t depth) {
    const auto* any = now ? now : old;
    const bool beside = depth == 0 && !bounds_.covers(any);
    if (beside && !bounds_.takes_neighbour()) return {};
    if (!beside) CHECK(bounds_.count("the difference has", any, prefix));
    if (!beside && is_folder(any) && depth < limits::kTreeDepthMax) {
        Handle<git_tree> before, after;
        if (old) before = TRY(open_folder(repository_, old));
        if (now) after = TRY(open_folder(repository_, now));
        return visit(before.get(), after.get(), path + "/", depth + 1);
    }
    return found_(told_path(any, path), now, path);
}

Result<std::vector<Change>> Repository::changes(const std::string& from, const std::string& to,
                                                const Scope& scope) const {
    const auto before = TRY(find_tree(state_->get(), from));
    const auto after = TRY(find_tree(state_->get(), to));
    const auto database = TRY(open_database(state_->get()));
    std::vector<Change> changes;
    const auto take = [&](std::string told, const git_tree_entry* now,
                          const std::string& path) -> Result<void> {
        Change change{std::move(told), std::nullopt};
        if (now) change.now = TRY(make_entry(database.get(), now, path));
        changes.push_back(std::move(change));
        return {};
    };
    Bounds bounds{scope};
    CHECK(Difference(state_->get(), bounds, take).visit(before.get(), after.get()));
    return changes;
}

}  // namespace tidegate::git
