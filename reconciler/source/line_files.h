#pragma once
/// Which files of the config a commit of the line has and changes. For both who follow a line: the
/// daemon through its Git child, the command line in its own process.

#include <algorithm>
#include <string>
#include <vector>

#include "reconciler/source/document_reader.h"
#include "schema/base/limits.h"
#include "schema/resolve/history.h"
#include "schema/resolve/line_tracker.h"

namespace tidegate::source {

/// Whether a limit was passed: what is asked for again will pass it again.
[[nodiscard]] inline bool is_limit(const Error& error) {
    return error.code == ErrorCode::exhausted;
}

/// Whether it is the commit that cannot be told, being beyond a limit or malformed, and no disk or
/// child that failed.
[[nodiscard]] inline bool is_of_the_commit(const Error& error) {
    return is_limit(error) || error.code == ErrorCode::invalid;
}

/// Whether the change is that commit alone.
[[nodiscard]] bool brings_one(const git::Commit& commit);

/// What differs between two lists of a commit's entries.
[[nodiscard]] std::vector<git::Change> compared(const std::vector<git::TreeEntry>& before,
                                                const std::vector<git::TreeEntry>& after);

/// What differs between two commits in the layout and beside it (`from` empty: all that there is).
/// Where that is too much to be told, both trees may still be readable, and are compared here.
/// `Git`: git::Repository or git::GitProcess, whose errors these are.
template <class Git>
[[nodiscard]] Result<std::vector<git::Change>> changes_between(Git& git, const std::string& from,
                                                               const std::string& to) {
    const auto& scope = DocumentReader::scope();
    if (from.empty()) return compared({}, TRY(git.tree(to, scope)));
    auto changes = git.changes(from, to, scope);
    if (changes || !is_limit(changes.error())) return changes;
    const auto before = TRY(git.tree(from, scope));
    return compared(before, TRY(git.tree(to, scope)));
}

/// The files of the config at a commit.
template <class Git>
[[nodiscard]] Result<std::vector<git::TreeEntry>> files_at(Git& git, const std::string& commit) {
    auto entries = TRY(git.tree(commit, DocumentReader::scope()));
    std::erase_if(entries, [](const auto& entry) { return !DocumentReader::is_ours(entry.path); });
    return entries;
}

/// Of changes_between, those of the config's files.
template <class Git>
[[nodiscard]] Result<std::vector<git::Change>> changed_files(Git& git, const std::string& from,
                                                             const std::string& to) {
    auto changes = TRY(changes_between(git, from, to));
    std::erase_if(changes,
                  [](const auto& change) { return !DocumentReader::is_ours(change.path); });
    return changes;
}

/// An assignment at a commit, as the checks that it was accepted by read it.
struct DefinedAt {
    AssignmentKey key;
    std::string commit;
    Checks checks = kChecksNow;
};
/// What the documents of that commit define, with the digest that the line has for it by now.
/// Errors: not_found (it has no version file there), invalid.
[[nodiscard]] Result<DefinitionPtr> definition_in(const DocumentTree& documents,
                                                  const DefinedAt& at, const LineTracker& line,
                                                  const ZoneLookup& zones);

/// What LineCommit::file_authors is of a commit that changed these files. Where that is too much to
/// be told, or the line begins there, nobody knows who else did.
template <class Git>
[[nodiscard]] Result<git::FileAuthors> file_authors(Git& git, const git::Commit& commit,
                                                    const std::set<std::string>& changed) {
    if (brings_one(commit)) return git::FileAuthors{};
    git::FileAuthors unknown;
    for (const auto& path : changed) unknown[path] = {limits::kMoreAuthors};
    if (commit.first_parent.empty()) return unknown;
    auto authors = git.file_authors(commit.first_parent, commit.id, DocumentReader::scope());
    if (!authors && is_of_the_commit(authors.error())) return unknown;
    return authors;
}

/// What nobody can take from the commit, to warn of: its trailers, or who made it.
[[nodiscard]] std::vector<Error> unread_parts(const git::Commit& commit);

/// What the tracker is told of a commit; `file_authors`, `own` and `proven_by_form` are for the
/// caller to set.
[[nodiscard]] LineCommit to_line_commit(const git::Commit& commit, Checks checks);

}  // namespace tidegate::source
