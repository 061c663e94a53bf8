#include "reconciler/source/line_files.h"

#include <map>
#include <string_view>

#include "schema/base/limits.h"

namespace tidegate::source {

std::vector<git::Change> compared(const std::vector<git::TreeEntry>& before,
                                  const std::vector<git::TreeEntry>& after) {
    std::map<std::string_view, const git::TreeEntry*> gone;
    for (const auto& entry : before) gone.emplace(entry.path, &entry);
    std::vector<git::Change> changes;
    for (const auto& entry : after) {
        const auto known = gone.extract(entry.path);
        if (known.empty() || *known.mapped() != entry) changes.push_back({entry.path, entry});
    }
    for (const auto& [path, entry] : gone) changes.push_back({entry->path, std::nullopt});
    return changes;
}

std::vector<Error> unread_parts(const git::Commit& commit) {
    std::vector<Error> parts;
    if (commit.message_cut)
        parts.push_back({ErrorCode::exhausted,
                         fmt::format("commit {}: its trailers are out of reach: the message is "
                                     "longer than {} bytes",
                                     commit.id, limits::kCommitMessageBytesMax),
                         {}});
    if (commit.malformed)
        parts.push_back({ErrorCode::invalid,
                         fmt::format("commit {}: its author or committer line is malformed: who "
                                     "cannot be read counts as unknown, and no trailer counts",
                                     commit.id),
                         {}});
    return parts;
}

LineCommit to_line_commit(const git::Commit& commit, Checks checks) {
    LineCommit line;
    line.id = commit.id;
    line.parent = commit.first_parent;
    line.author_name = commit.author.name;
    line.author_email = commit.author.email;
    line.committed_at = commit.committed_at;
    line.message = commit.message;
    for (const auto& trailer : commit.trailers)
        line.trailers.emplace_back(trailer.key, trailer.value);
    line.authors = {commit.authors.begin(), commit.authors.end()};
    line.checks = checks;
    return line;
}

}  // namespace tidegate::source
