#include "reconciler/source/line_files.h"

#include <map>
#include <string_view>
#include <tuple>

#include "schema/base/limits.h"

namespace tidegate::source {

bool brings_one(const git::Commit& commit) {
    if (commit.parents.empty()) return commit.first_parent.empty();
    return commit.parents.size() == 1 && commit.parents.front() == commit.first_parent;
}

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

Result<DefinitionPtr> definition_in(const DocumentTree& documents, const DefinedAt& at,
                                    const LineTracker& line, const ZoneLookup& zones) {
    const auto& [key, commit, checks] = at;
    const auto resolved = resolve(documents, zones, commit, checks);
    const auto found = resolved.assignments.find(key);
    if (found == resolved.assignments.end())
        return fail(ErrorCode::not_found, "{} has no version file at {}", key.text(), commit);
    const auto& [assignment, errors] = std::tie(found->second->assignment, found->second->errors);
    if (!assignment)
        return fail(ErrorCode::invalid, "{} is not valid at {}: {}", key.text(), commit,
                    errors.empty() ? "" : errors.front().text());
    auto definition = std::make_shared<Definition>(*assignment->definition);
    definition->digest = line.digest_in_force(key, definition->digest);
    return DefinitionPtr{std::move(definition)};
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
