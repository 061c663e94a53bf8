#include "schema/resolve/authors.h"

#include <utility>

#include "schema/base/limits.h"
#include "schema/model/people.h"
#include "schema/resolve/parts.h"

namespace tidegate {
namespace {

/// Without pins: who sets one changes nothing of what the others get.
std::string_view definers(std::string_view fingerprint) {
    return fingerprint.substr(0, fingerprint.find(" pin:"));
}

}  // namespace

void add_authors(std::set<std::string>& authors, const std::set<std::string>& more) {
    for (const auto& author : more) {
        if (authors.contains(limits::kMoreAuthors)) return;
        const bool room = authors.size() < limits::kAuthorsMax - 1 || authors.contains(author);
        authors.insert(room ? author : limits::kMoreAuthors);
    }
}

std::set<std::string> changers_of(const Change& change) {
    const auto& [environment, project] = change.key;
    const auto& commit = change.commit;
    std::set<std::string> changers;
    for (const auto& path : {version_path(change.key), project_path(project),
                             environment_path(environment), std::string{kRepositoryPath}}) {
        if (!change.changed.contains(path)) continue;
        const auto found = commit.file_authors.find(path);
        if (found != commit.file_authors.end())
            add_authors(changers, found->second);
        else
            changers.insert(commit.author_name + " <" + commit.author_email + ">");
    }
    return changers;
}

void note_changers(AssignmentHistory& facts, const Change& change, const ResolvedAssignment& entry,
                   bool digest_is_new) {
    auto changers = changers_of(change);
    add_authors(changers, std::exchange(facts.held_changers, {}));
    if (!digest_is_new && definers(facts.fingerprint) == definers(entry.fingerprint)) return;
    auto& stretches = facts.stretches;
    if (digest_is_new || stretches.empty())
        stretches.push_back({entry.assignment->definition->digest, {}});
    add_authors(stretches.back().authors, changers.empty() ? change.commit.authors : changers);
    if (stretches.size() <= limits::kStretchesKept) return;
    const auto oldest = std::exchange(stretches.front(), {});
    stretches.erase(stretches.begin());
    add_authors(stretches.front().authors, oldest.authors);
}

Promotion written_by(const Change& change, const Promote& promote) {
    const auto& commit = change.commit;
    Promotion promotion{promote, commit.id, commit.author_name, commit.author_email, true};
    const auto found = commit.file_authors.find(version_path(change.key));
    if (found == commit.file_authors.end()) return promotion;
    const auto& writers = found->second;
    const auto writer = author_in(writers.size() == 1 ? *writers.begin() : limits::kMoreAuthors);
    promotion.author_name = writer.name;
    promotion.author_email = writer.email;
    return promotion;
}

}  // namespace tidegate
