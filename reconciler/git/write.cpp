#include <algorithm>
#include <map>
#include <span>

#include "reconciler/git/library.h"
#include "reconciler/git/names.h"
#include "schema/base/limits.h"
#include "schema/base/utf8.h"

namespace tidegate::git {
namespace {

/// An edit with the part of its path that is still to go.
struct Step {
    std::string_view rest;
    const Edit* edit;
};

bool is_good_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && name != ".git" &&
           name.find('\0') == std::string_view::npos;
}

Result<void> check_edits(const std::vector<Edit>& edits) {
    for (const auto& edit : edits) {
        std::string_view rest = edit.path;
        std::size_t depth = 0;
        for (bool more = true; more; ++depth) {
            const auto slash = rest.find('/');
            more = slash != std::string_view::npos;
            if (!is_good_name(rest.substr(0, slash)) || depth > limits::kTreeDepthMax)
                return fail(ErrorCode::invalid, "\"{}\" is no path of a file", to_utf8(edit.path));
            if (more) rest.remove_prefix(slash + 1);
        }
        if (edit.content && edit.content->size() > limits::kFileBytesMax)
            return fail(ErrorCode::exhausted, "{} would exceed {} bytes", edit.path,
                        limits::kFileBytesMax);
    }
    return {};
}

/// Writes the tree that differs from `base` only by the edits, folder by folder.
class TreeEditor {
public:
    explicit TreeEditor(git_repository* repository) : repository_{repository} {}

    /// None: nothing is left in the folder. Git knows no empty folders.
    Result<std::optional<git_oid>> apply(const git_tree* base, std::span<const Step> steps) {
        Handle<git_treebuilder> builder;
        CHECK(checked(git_treebuilder_new(out(builder), repository_, base), "new tree"));
        std::map<std::string, std::vector<Step>> folders;
        for (const auto& [rest, edit] : steps) {
            const auto slash = rest.find('/');
            const std::string name{rest.substr(0, slash)};
            if (slash == std::string_view::npos)
                CHECK(edit_file(builder.get(), name, *edit));
            else
                folders[name].push_back({rest.substr(slash + 1), edit});
        }
        for (const auto& [name, inside] : folders) CHECK(edit_folder(builder.get(), name, inside));
        if (git_treebuilder_entrycount(builder.get()) == 0) return std::nullopt;
        git_oid id{};
        CHECK(checked(git_treebuilder_write(&id, builder.get()), "new tree"));
        return id;
    }

private:
    Result<void> edit_file(git_treebuilder* builder, const std::string& name, const Edit& edit) {
        const auto* there = git_treebuilder_get(builder, name.c_str());
        auto mode = there ? git_tree_entry_filemode(there) : GIT_FILEMODE_BLOB;
        if (mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE)
            return fail(ErrorCode::invalid, "{} is no plain file", edit.path);
        if (!edit.content) {
            if (!there) return fail(ErrorCode::not_found, "{} is not there", edit.path);
            return checked(git_treebuilder_remove(builder, name.c_str()), edit.path);
        }
        git_oid id{};
        CHECK(checked(git_blob_create_from_buffer(&id, repository_, edit.content->data(),
                                                  edit.content->size()),
                      edit.path));
        return checked(git_treebuilder_insert(nullptr, builder, name.c_str(), &id, mode),
                       edit.path);
    }

    Result<void> edit_folder(git_treebuilder* builder, const std::string& name,
                             const std::vector<Step>& inside) {
        const auto& path = inside.front().edit->path;
        const auto* there = git_treebuilder_get(builder, name.c_str());
        Handle<git_tree> base;
        if (there) {
            if (git_tree_entry_type(there) != GIT_OBJECT_TREE)
                return fail(ErrorCode::invalid, "{}: {} is no folder", path, name);
            CHECK(checked(git_tree_lookup(out(base), repository_, git_tree_entry_id(there)), path));
        }
        const auto id = TRY(apply(base.get(), inside));
        if (id)
            return checked(
                git_treebuilder_insert(nullptr, builder, name.c_str(), &*id, GIT_FILEMODE_TREE),
                path);
        return there ? checked(git_treebuilder_remove(builder, name.c_str()), path)
                     : Result<void>{};
    }

    git_repository* repository_;
};

Result<git_oid> write_tree(git_repository* repository, const git_tree* base,
                           const std::vector<Edit>& edits) {
    CHECK(check_edits(edits));
    std::vector<Step> steps;
    for (const auto& edit : edits) steps.push_back({edit.path, &edit});
    std::ranges::sort(steps, {}, &Step::rest);
    const auto twice = std::ranges::adjacent_find(steps, {}, &Step::rest);
    if (twice != steps.end())
        return fail(ErrorCode::invalid, "{} is edited twice", twice->edit->path);
    const auto id = TRY(TreeEditor{repository}.apply(base, steps));
    if (id) return *id;
    Handle<git_treebuilder> builder;
    CHECK(checked(git_treebuilder_new(out(builder), repository, nullptr), "empty tree"));
    git_oid empty{};
    CHECK(checked(git_treebuilder_write(&empty, builder.get()), "empty tree"));
    return empty;
}

}  // namespace

Result<std::string> Repository::create_commit(const NewCommit& commit) {
    auto* repository = state_->get();
    const auto parent = TRY(find_commit(repository, commit.parent));
    const auto base = TRY(find_tree(repository, commit.parent));
    const auto tree_id = TRY(write_tree(repository, base.get(), commit.edits));
    Handle<git_tree> tree;
    CHECK(checked(git_tree_lookup(out(tree), repository, &tree_id), "new tree"));
    const auto seconds = std::chrono::floor<Seconds>(commit.at).time_since_epoch().count();
    const auto name = TRY(written_word(commit.author.name));
    const auto email = TRY(written_word(commit.author.email));
    Handle<git_signature> author;
    CHECK(
        checked(git_signature_new(out(author), name.c_str(), email.c_str(), seconds, 0), "author"));
    const git_commit* parents[] = {parent.get()};
    git_oid id{};
    CHECK(checked(git_commit_create(&id, repository, nullptr, author.get(), author.get(), nullptr,
                                    commit.message.c_str(), tree.get(), 1, parents),
                  "new commit"));
    return to_text(id);
}

}  // namespace tidegate::git
