#pragma once
/// Files of a commit as documents. The same blob at the same path is read once, and stays the same
/// object: that is how schema/resolve sees what changed.

#include <functional>
#include <unordered_map>

#include "reconciler/git/types.h"
#include "schema/model/documents.h"

namespace tidegate::source {

/// One thread at a time.
class DocumentReader {
public:
    using FetchBlobs =
        std::function<Result<std::vector<git::Blob>>(const std::vector<std::string>& ids)>;

    explicit DocumentReader(FetchBlobs fetch) : fetch_{std::move(fetch)} {}

    /// Whether a path takes part: documents, and strays inside the layout's folders.
    [[nodiscard]] static bool is_ours(const std::string& path);
    /// Reads each entry (all `is_ours`): symlinks, submodules, strays and what is too large come
    /// back as files with an error. Bytes are fetched for what was never read before only.
    [[nodiscard]] Result<DocumentTree> read(const std::vector<git::TreeEntry>& entries);
    /// One file's text that is in no commit yet.
    [[nodiscard]] static std::shared_ptr<const ParsedFile> read_text(const std::string& path,
                                                                     const std::string& text);
    /// Forgets what none of these entries is.
    void keep_only(const std::map<std::string, git::TreeEntry>& entries);

private:
    [[nodiscard]] Result<void> fetch_and_parse(const std::vector<git::TreeEntry>& missing);

    FetchBlobs fetch_;
    /// By `<blob>:<path>`.
    std::unordered_map<std::string, std::shared_ptr<const ParsedFile>> read_;
};

}  // namespace tidegate::source
