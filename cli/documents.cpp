#include "cli/documents.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "reconciler/source/line_files.h"
#include "schema/base/limits.h"
#include "schema/files/read_file.h"
#include "schema/resolve/resolve.h"

namespace tidegate::cli {
namespace {

namespace fs = std::filesystem;

bool is_bare(const fs::path& where) {
    return fs::is_regular_file(where / "HEAD") && fs::is_directory(where / "objects") &&
           fs::is_directory(where / "refs");
}

/// Only those that a look at the layout alone does not enter.
bool is_beside_the_layout(const std::string& folder) {
    const auto& scope = source::DocumentReader::scope();
    return std::ranges::find(scope, folder) == scope.end();
}

/// Every file below, as Git would list it; `.git` is left out.
Result<std::vector<git::TreeEntry>> entries_on_disk(const fs::path& root) try {
    std::vector<git::TreeEntry> entries;
    for (fs::recursive_directory_iterator at{root}, end; at != end; ++at) {
        const auto path = at->path().lexically_relative(root).generic_string();
        if (at->path().filename() == ".git") {
            at.disable_recursion_pending();
            continue;
        }
        const bool link = at->is_symlink();
        if (const auto folder = path + '/'; at.depth() == 0 && !link && at->is_directory() &&
                                            is_beside_the_layout(path) &&
                                            source::DocumentReader::is_ours(folder))
            entries.push_back({folder, git::EntryKind::folder, folder, 0});
        if ((!link && !at->is_regular_file()) || !source::DocumentReader::is_ours(path)) continue;
        if (entries.size() == limits::kTreeFilesMax)
            return fail(ErrorCode::exhausted, "{} has more than {} files", root.string(),
                        limits::kTreeFilesMax);
        entries.push_back({path, link ? git::EntryKind::symlink : git::EntryKind::file, path,
                           link ? 0 : at->file_size()});
    }
    return entries;
} catch (const fs::filesystem_error& error) {
    return fail(ErrorCode::not_found, "cannot read {}: {}", root.string(), error.code().message());
}

/// On a disk a file's path is its "blob".
Result<std::vector<git::Blob>> read_files(const fs::path& root,
                                          const std::vector<std::string>& paths) {
    std::vector<git::Blob> blobs;
    for (const auto& path : paths) {
        git::Blob blob{path, 0, false, {}};
        blob.content = TRY(read_file(root / path, limits::kFileBytesMax));
        blob.size = blob.content.size();
        blobs.push_back(std::move(blob));
    }
    return blobs;
}

/// How many version files of these commits the tree does not have.
Result<std::size_t> count_leaving(const git::Repository& repository,
                                  const std::vector<std::string>& commits,
                                  const DocumentTree& documents) {
    std::set<std::string> leaving;
    for (const auto& commit : commits)
        for (const auto& entry : TRY(source::files_at(repository, commit)))
            if (key_of_version_path(entry.path) && !documents.contains(entry.path))
                leaving.insert(entry.path);
    return leaving.size();
}

/// Of these commits and the one before the last of them. Nobody can say where one of them is not
/// there (a shallow clone) or is beyond a limit.
std::size_t leaving_since(const git::Repository& repository, std::vector<std::string> commits,
                          const std::string& last, const DocumentTree& documents) {
    const auto before = repository.before(last);
    if (before && !before->empty()) commits.push_back(*before);
    return before ? count_leaving(repository, commits, documents).value_or(0) : 0;
}

/// Where there is no commit yet, nobody can say.
std::size_t leaving_since_head(const fs::path& root, const DocumentTree& documents) {
    const auto repository = git::Repository::open_existing(root);
    const auto head = repository ? repository->resolve("HEAD") : fail(repository.error());
    return head ? leaving_since(*repository, {*head}, *head, documents) : 0;
}

Result<LoadedTree> load_folder(const fs::path& root) {
    source::DocumentReader reader{[&](const auto& paths) { return read_files(root, paths); }};
    auto documents = TRY(reader.read(TRY(entries_on_disk(root))));
    std::error_code ignored;
    const bool in_git = fs::exists(root / ".git", ignored);
    const auto leaving = in_git ? leaving_since_head(root, documents) : 0;
    return LoadedTree{std::move(documents), {}, leaving, in_git};
}

Result<LoadedTree> load_revision(const std::string& path, const std::string& revision) {
    const auto repository = TRY(git::Repository::open_existing(path));
    auto commit = TRY(repository.resolve(revision));
    auto reader = reader_of(repository);
    auto documents = TRY(reader.read(TRY(source::files_at(repository, commit))));
    const auto leaving = leaving_since(repository, {}, commit, documents);
    return LoadedTree{std::move(documents), std::move(commit), leaving, true};
}

}  // namespace

Result<LoadedTree> load_documents(const std::string& where) {
    std::error_code ignored;
    if (fs::is_directory(where, ignored))
        return is_bare(where) ? load_revision(where, "HEAD") : load_folder(where);
    const auto at = where.rfind('@');
    if (at != std::string::npos && fs::is_directory(where.substr(0, at), ignored))
        return load_revision(where.substr(0, at), where.substr(at + 1));
    return fail(ErrorCode::not_found, "{} is neither a folder nor REPO@REV", where);
}

source::DocumentReader reader_of(const git::Repository& repository) {
    return source::DocumentReader{[&](const auto& ids) { return repository.blobs(ids); }};
}

}  // namespace tidegate::cli
