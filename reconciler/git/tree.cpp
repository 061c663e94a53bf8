#include <algorithm>

#include "reconciler/git/library.h"
#include "schema/base/limits.h"
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
        default:
            return EntryKind::file;
    }
}

struct Header {
    std::uint64_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
};

Result<Header> read_header(git_odb* database, const git_oid& id) {
    Header header;
    std::size_t size = 0;
    CHECK(
        checked(git_odb_read_header(&size, &header.type, database, &id), "object " + to_text(id)));
    header.size = size;
    return header;
}

Result<TreeEntry> make_entry(git_odb* database, std::string path, git_filemode_t mode,
                             const git_oid& id) {
    TreeEntry entry{to_utf8(path), kind_of(mode), to_text(id), 0};
    if (entry.kind != EntryKind::submodule) entry.size = TRY(read_header(database, id)).size;
    return entry;
}

/// The folder of a path that is nested too deep to be entered, with the slash at its end.
std::optional<std::string> too_deep_folder(std::string_view path) {
    std::size_t end = 0;
    for (std::size_t depth = 0; depth <= limits::kTreeDepthMax; ++depth) {
        end = path.find('/', end);
        if (end++ == std::string_view::npos) return std::nullopt;
    }
    return std::string{path.substr(0, end)};
}

TreeEntry make_folder(const std::string& path, const git_oid& id) {
    return {to_utf8(path), EntryKind::folder, to_text(id), 0};
}

/// Walks a tree depth first. Visits are counted, not only files: trees that name one another can
/// unfold to any number of folders without a file.
class TreeWalk {
public:
    TreeWalk(git_repository* repository, git_odb* database)
        : repository_{repository}, database_{database} {}

    Result<void> visit(const git_tree* tree, const std::string& prefix, std::size_t depth) {
        for (std::size_t i = 0; i < git_tree_entrycount(tree); ++i) {
            if (++visited_ > limits::kTreeFilesMax)
                return fail(ErrorCode::exhausted, "the tree has more than {} entries",
                            limits::kTreeFilesMax);
            CHECK(visit_entry(git_tree_entry_byindex(tree, i), prefix, depth));
        }
        return {};
    }
    std::vector<TreeEntry> take() { return std::move(entries_); }

private:
    Result<void> visit_entry(const git_tree_entry* entry, const std::string& prefix,
                             std::size_t depth) {
        auto path = prefix + git_tree_entry_name(entry);
        const auto* id = git_tree_entry_id(entry);
        if (git_tree_entry_type(entry) == GIT_OBJECT_TREE) {
            if (depth == limits::kTreeDepthMax) {
                entries_.push_back(make_folder(path + "/", *id));
                return {};
            }
            Handle<git_tree> folder;
            CHECK(checked(git_tree_lookup(out(folder), repository_, id), "folder " + path));
            return visit(folder.get(), path + "/", depth + 1);
        }
        entries_.push_back(
            TRY(make_entry(database_, std::move(path), git_tree_entry_filemode(entry), *id)));
        return {};
    }

    git_repository* repository_;
    git_odb* database_;
    std::size_t visited_ = 0;
    std::vector<TreeEntry> entries_;
};

int count_delta(const git_diff* diff, const git_diff_delta*, const char*, void*) {
    return git_diff_num_deltas(diff) < limits::kTreeFilesMax ? 0 : GIT_EUSER;
}

/// A folder that is nested too deep, as one change.
Change folder_change(const git_tree* after, const std::string& path) {
    Change change{to_utf8(path), std::nullopt};
    Handle<git_tree_entry> now;
    const auto name = path.substr(0, path.size() - 1);
    const int code = git_tree_entry_bypath(out(now), after, name.c_str());
    if (code == 0 && git_tree_entry_type(now.get()) == GIT_OBJECT_TREE)
        change.now = make_folder(path, *git_tree_entry_id(now.get()));
    return change;
}

Result<Handle<git_odb>> open_database(git_repository* repository) {
    Handle<git_odb> database;
    CHECK(checked(git_repository_odb(out(database), repository), "object database"));
    return database;
}

Result<Blob> read_blob(git_repository* repository, git_odb* database, const std::string& id) {
    const auto oid = TRY(to_oid(id));
    const auto header = TRY(read_header(database, oid));
    if (header.type != GIT_OBJECT_BLOB) return fail(ErrorCode::invalid, "object {} is no file", id);
    Blob value{id, header.size, header.size > limits::kFileBytesMax, {}};
    if (value.too_large) return value;
    Handle<git_blob> blob;
    CHECK(checked(git_blob_lookup(out(blob), repository, &oid), "file object " + id));
    value.content.assign(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                         static_cast<std::size_t>(git_blob_rawsize(blob.get())));
    return value;
}

}  // namespace

Result<std::vector<TreeEntry>> Repository::tree(const std::string& commit) const {
    const auto root = TRY(find_tree(state_->get(), commit));
    const auto database = TRY(open_database(state_->get()));
    TreeWalk walk{state_->get(), database.get()};
    CHECK(walk.visit(root.get(), "", 0));
    return walk.take();
}

Result<std::vector<Change>> Repository::changes(const std::string& from,
                                                const std::string& to) const {
    const auto before = TRY(find_tree(state_->get(), from));
    const auto after = TRY(find_tree(state_->get(), to));
    const auto database = TRY(open_database(state_->get()));
    git_diff_options options = GIT_DIFF_OPTIONS_INIT;
    options.flags = GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_SKIP_BINARY_CHECK;
    options.notify_cb = count_delta;
    Handle<git_diff> diff;
    const int code =
        git_diff_tree_to_tree(out(diff), state_->get(), before.get(), after.get(), &options);
    if (code == GIT_EUSER)
        return fail(ErrorCode::exhausted, "more than {} files differ", limits::kTreeFilesMax);
    CHECK(checked(code, "difference of " + from + " and " + to));
    std::vector<Change> changes;
    for (std::size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
        const auto* delta = git_diff_get_delta(diff.get(), i);
        if (const auto folder = too_deep_folder(delta->new_file.path)) {
            auto change = folder_change(after.get(), *folder);
            if (changes.empty() || changes.back() != change) changes.push_back(std::move(change));
            continue;
        }
        if (delta->status == GIT_DELTA_DELETED) {
            changes.push_back({to_utf8(delta->old_file.path), std::nullopt});
            continue;
        }
        const auto& file = delta->new_file;
        auto now = TRY(
            make_entry(database.get(), file.path, static_cast<git_filemode_t>(file.mode), file.id));
        changes.push_back({now.path, std::move(now)});
    }
    return changes;
}

Result<std::vector<Blob>> Repository::blobs(const std::vector<std::string>& ids) const {
    if (ids.size() > limits::kTreeFilesMax)
        return fail(ErrorCode::exhausted, "more than {} files asked for", limits::kTreeFilesMax);
    const auto database = TRY(open_database(state_->get()));
    std::vector<Blob> blobs;
    std::size_t bytes = 0;
    for (const auto& id : ids) {
        blobs.push_back(TRY(read_blob(state_->get(), database.get(), id)));
        bytes += blobs.back().content.size();
        if (bytes > limits::kBlobBytesPerCallMax)
            return fail(ErrorCode::exhausted, "the files asked for exceed {} bytes",
                        limits::kBlobBytesPerCallMax);
    }
    return blobs;
}

}  // namespace tidegate::git
