#pragma once
/// Files of a commit as documents. The same blob at the same path is read once, and stays the same
/// object: that is how schema/resolve sees what changed.

#include <functional>
#include <map>
#include <set>

#include "reconciler/git/types.h"
#include "reconciler/source/parsed_cache.h"
#include "schema/model/checks.h"

namespace tidegate::source {

/// One thread at a time.
class DocumentReader {
public:
    using FetchBlobs =
        std::function<Result<std::vector<git::Blob>>(const std::vector<std::string>& ids)>;

    /// Takes up what a former run kept at that place; without one nothing is kept.
    explicit DocumentReader(FetchBlobs fetch, CachePlace kept = {})
        : fetch_{std::move(fetch)}, place_{std::move(kept)}, kept_{ParsedCache::load(place_)} {}

    /// What Git is asked to look at: all of the rest of a repo costs nothing, whatever it holds.
    [[nodiscard]] static const git::Scope& scope();
    /// Whether a path takes part: documents, and strays inside the layout's folders.
    [[nodiscard]] static bool is_ours(const std::string& path);
    /// Reads each entry (all `is_ours`): symlinks, submodules, strays and what is too large or
    /// nested too deep come back as files with an error. Bytes are fetched for what was never read
    /// before only.
    [[nodiscard]] Result<DocumentTree> read(const std::vector<git::TreeEntry>& entries,
                                            Checks checks = kChecksNow);
    /// The same for what was accepted once and is put back: where `checks` refuse a file now, the
    /// newest older ones that do not read it, from here on in every `read`.
    [[nodiscard]] Result<DocumentTree> read_again(const std::vector<git::TreeEntry>& entries,
                                                  Checks checks);
    /// What `read_again` found, for the next run: words without a space.
    [[nodiscard]] const std::set<std::string>& excused() const { return excused_; }
    void excuse(std::string word) { excused_.insert(std::move(word)); }

    /// One file's text that is in no commit yet.
    [[nodiscard]] static std::shared_ptr<const ParsedFile> read_text(const std::string& path,
                                                                     const std::string& text,
                                                                     Checks checks = kChecksNow);
    /// The same as `read_again` does.
    [[nodiscard]] static std::shared_ptr<const ParsedFile> read_text_again(const std::string& path,
                                                                           const std::string& text,
                                                                           Checks checks);
    /// Once a sixteenth of what it has read is new or is none of these entries: forgets the latter
    /// and keeps the rest for the next run. So one changed file costs no walk over all of them.
    /// Errors: save_parsed's.
    [[nodiscard]] Result<void> keep_only(const std::map<std::string, git::TreeEntry>& entries);

private:
    /// What `kept_` has of the entries goes into `read_`; returns the others.
    [[nodiscard]] std::vector<git::TreeEntry> take_kept(std::vector<git::TreeEntry> entries);
    [[nodiscard]] Result<void> fetch_and_parse(const std::vector<git::TreeEntry>& missing,
                                               Checks checks, ParsedFiles& into);
    /// What older checks make of the files of `tree` that newer ones have something to say about.
    [[nodiscard]] Result<void> reread(const std::vector<git::TreeEntry>& entries, Checks checks,
                                      DocumentTree& tree);
    /// Of those entries that are refused, what the newest checks that do not refuse them make.
    [[nodiscard]] Result<void> reread_refused(std::vector<git::TreeEntry> entries,
                                              DocumentTree& tree);

    FetchBlobs fetch_;
    CachePlace place_;
    ParsedCache kept_;  ///< until the first keep_only
    ParsedFiles read_;
    std::map<Checks, ParsedFiles> reread_;  ///< by older checks, where that may differ
    std::set<std::string> excused_;         ///< keys of files that older checks read
    std::size_t changes_ = 0;               ///< files parsed that are not in the file on disk
};

}  // namespace tidegate::source
