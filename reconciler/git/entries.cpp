#include "reconciler/git/entries.h"

#include <algorithm>
#include <cstring>

#include "reconciler/git/damage.h"
#include "schema/base/utf8.h"

namespace tidegate::git {
namespace {

EntryKind kind_of(git_filemode_t mode) {
    switch (mode) {
        case GIT_FILEMODE_BLOB_EXECUTABLE:
            return EntryKind::executable;
        case GIT_FILEMODE_LINK:
            return EntryKind::symlink;
        case GIT_FILEMODE_COMMIT:
            return EntryKind::submodule;
        case GIT_FILEMODE_TREE:
            return EntryKind::folder;
        default:
            return EntryKind::file;
    }
}

}  // namespace

Result<Handle<git_odb>> open_database(git_repository* repository) {
    Handle<git_odb> database;
    CHECK(checked(git_repository_odb(out(database), repository), "object database"));
    return database;
}

Result<Header> read_header(git_odb* database, const git_oid& id) {
    Header header;
    std::size_t size = 0;
    CHECK(
        checked(git_odb_read_header(&size, &header.type, database, &id), "object " + to_text(id)));
    header.size = size;
    return header;
}

Result<Handle<git_tree>> open_folder(git_repository* repository, const git_tree_entry* entry) {
    Handle<git_tree> folder;
    CHECK(checked_part(git_tree_lookup(out(folder), repository, git_tree_entry_id(entry)),
                       std::string{"folder "} + git_tree_entry_name(entry)));
    return folder;
}

std::string name_in(const git_tree* tree, std::size_t index) {
    constexpr std::string_view kNoName = "\xEF\xBF\xBD";
    std::string name;
    const std::string_view raw = git_tree_entry_name(git_tree_entry_byindex(tree, index));
    for (const char c : raw) c == '/' ? name += kNoName : name += c;
    if (index > 0 && raw == git_tree_entry_name(git_tree_entry_byindex(tree, index - 1)))
        name += kNoName;
    return name;
}

std::string told_path(const git_tree_entry* entry, const std::string& path) {
    return to_utf8(path) + (is_folder(entry) ? "/" : "");
}

Result<TreeEntry> make_entry(git_odb* database, const git_tree_entry* entry,
                             const std::string& path) {
    const auto& id = *git_tree_entry_id(entry);
    TreeEntry made{told_path(entry, path), kind_of(git_tree_entry_filemode(entry)), to_text(id), 0};
    if (made.kind == EntryKind::submodule || made.kind == EntryKind::folder) return made;
    std::size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    CHECK(checked_part(git_odb_read_header(&size, &type, database, &id), "file " + made.path));
    made.size = size;
    return made;
}

bool Bounds::covers(const git_tree_entry* entry) const {
    return scope_.empty() || std::ranges::find(scope_, git_tree_entry_name(entry)) != scope_.end();
}

Result<void> Bounds::count(const char* what, const git_tree_entry* entry,
                           const std::string& prefix) {
    if (++visited_ > limits::kTreeFilesMax)
        return fail(ErrorCode::exhausted, "{} more than {} files and folders", what,
                    limits::kTreeFilesMax);
    path_bytes_ += prefix.size() + std::strlen(git_tree_entry_name(entry));
    if (path_bytes_ > limits::kTreePathBytesMax)
        return fail(ErrorCode::exhausted, "{} paths of more than {} bytes in all", what,
                    limits::kTreePathBytesMax);
    return {};
}

}  // namespace tidegate::git
