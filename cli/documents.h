#pragma once
/// A config repo's documents, read from where the user points.

#include <string>

#include "reconciler/git/repository.h"
#include "reconciler/source/document_reader.h"

namespace tidegate::cli {

struct LoadedTree {
    DocumentTree documents;
    std::string commit;  ///< empty: read from a folder, whatever is committed
    /// Assignments that were there in the commit before (of a work tree: in HEAD, or before that)
    /// and are not here.
    std::size_t leaving = 0;
    bool in_git = false;  ///< a work tree at its top, or a commit
};

/// `DIR` (a plain folder or a work tree, as it is on the disk), a bare repository, or `REPO@REV`.
/// What is wrong in a file stands in the tree; errors here: not_found, unavailable, exhausted.
[[nodiscard]] Result<LoadedTree> load_documents(const std::string& where);

/// Refers to the repository.
[[nodiscard]] source::DocumentReader reader_of(const git::Repository& repository);

}  // namespace tidegate::cli
