#include "reconciler/git/damage.h"
#include "reconciler/git/entries.h"

namespace tidegate::git {
namespace {

/// Walks a tree depth first.
class TreeWalk {
public:
    TreeWalk(git_repository* repository, git_odb* database, const Scope& scope)
        : repository_{repository}, database_{database}, bounds_{scope} {}

    Result<void> visit(const git_tree* tree, const std::string& prefix, std::size_t depth) {
        for (std::size_t i = 0; i < git_tree_entrycount(tree); ++i)
            CHECK(visit_entry(tree, i, prefix, depth));
        return {};
    }
    std::vector<TreeEntry> take() { return std::move(entries_); }

private:
    Result<void> visit_entry(const git_tree* tree, std::size_t index, const std::string& prefix,
                             std::size_t depth) {
        const auto* entry = git_tree_entry_byindex(tree, index);
        const bool beside = depth == 0 && !bounds_.covers(entry);
        if (beside && !bounds_.takes_neighbour()) return {};
        if (!beside) CHECK(bounds_.count("the tree has", entry, prefix));
        const auto path = prefix + name_in(tree, index);
        if (!beside && is_folder(entry) && depth < limits::kTreeDepthMax) {
            const auto folder = TRY(open_folder(repository_, entry));
            return visit(folder.get(), path + "/", depth + 1);
        }
        entries_.push_back(TRY(make_entry(database_, entry, path)));
        return {};
    }

    git_repository* repository_;
    git_odb* database_;
    Bounds bounds_;
    std::vector<TreeEntry> entries_;
};

Result<Blob> read_blob(git_repository* repository, git_odb* database, const std::string& id) {
    const auto oid = TRY(to_oid(id));
    const auto header = TRY(read_header(database, oid));
    if (header.type != GIT_OBJECT_BLOB) return fail(ErrorCode::invalid, "object {} is no file", id);
    Blob value{id, header.size, header.size > limits::kFileBytesMax, {}};
    if (value.too_large) return value;
    Handle<git_blob> blob;
    CHECK(checked_part(git_blob_lookup(out(blob), repository, &oid), "file object " + id));
    value.content.assign(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                         static_cast<std::size_t>(git_blob_rawsize(blob.get())));
    return value;
}

}  // namespace

Result<std::vector<TreeEntry>> Repository::tree(const std::string& commit,
                                                const Scope& scope) const {
    const auto root = TRY(find_tree(state_->get(), commit));
    const auto database = TRY(open_database(state_->get()));
    TreeWalk walk{state_->get(), database.get(), scope};
    CHECK(walk.visit(root.get(), "", 0));
    return walk.take();
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
