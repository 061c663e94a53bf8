#include "cli/line_follower.h"

#include "cli/documents.h"
#include "reconciler/source/line_files.h"
#include "reconciler/timezone/zones.h"

namespace tidegate::cli {
LineFollower::LineFollower(const git::Repository& repository)
    : repository_{repository}, reader_{reader_of(repository)}, tracker_{{find_zone, {}}} {}

Result<void> LineFollower::follow(const std::string& commit) {
    const auto line = repository_.line(tracker_.tip(), commit);
    if (!line && source::is_limit(line.error())) return follow_at_once(commit);
    for (const auto& next : TRY(line)) {
        const auto added = add(next, Checks::first);
        if (!added && source::is_of_the_commit(added.error())) return follow_at_once(commit);
        CHECK(added);
    }
    return {};
}

/// As the daemon does where something on the way is beyond a limit or malformed: all of it is one
/// change, or, where the line cannot even begin, is not looked at.
Result<void> LineFollower::follow_at_once(const std::string& commit) {
    git::Commit whole;
    whole.id = commit;
    if (!tracker_.tip().empty()) whole = TRY(repository_.range(tracker_.tip(), commit));
    return add(whole, Checks::first);
}

Result<void> LineFollower::merge(const std::string& commit) {
    CHECK(adopt());
    auto whole = TRY(change_to(commit));
    unread_ = source::unread_parts(whole);
    whole.id = commit;
    whole.first_parent = tracker_.tip();
    return add(whole, kChecksNow);
}

/// Of a commit that does not descend from the tip its own word counts: its author and trailers.
Result<git::Commit> LineFollower::change_to(const std::string& commit) {
    if (TRY(repository_.is_ancestor(tracker_.tip(), commit)))
        return repository_.range(tracker_.tip(), commit);
    auto line = TRY(repository_.line(TRY(repository_.before(commit)), commit));
    return std::move(line.back());
}

/// From here on by the checks that a new commit meets.
Result<void> LineFollower::adopt() {
    documents_ = TRY(reader_.read(TRY(source::files_at(repository_, tracker_.tip()))));
    tracker_.adopt(kChecksNow, documents_);
    return {};
}

Result<void> LineFollower::add(const git::Commit& commit, Checks checks) {
    std::set<std::string> changed;
    std::vector<git::TreeEntry> present;
    for (auto& change : TRY(source::changed_files(repository_, tracker_.tip(), commit.id))) {
        changed.insert(change.path);
        if (change.now) present.push_back(*std::move(change.now));
    }
    auto read = TRY(reader_.read(present, checks));
    auto line = source::to_line_commit(commit, checks);
    line.file_authors = TRY(source::file_authors(repository_, commit, changed));
    // Nothing fails from here on.
    for (const auto& path : changed) documents_.erase(path);
    for (auto& [path, file] : read) documents_[path] = std::move(file);
    tracker_.add_commit(line, documents_, changed);
    return {};
}

Result<Desired> LineFollower::desired(Timestamp now) {
    for (const auto& commit : tracker_.missing())
        tracker_.provide(
            commit, TRY(reader_.read(TRY(source::files_at(repository_, commit)), Checks::first)),
            Checks::first);
    return tracker_.desired(now);
}

Result<DefinitionPtr> LineFollower::definition(const AssignmentKey& key,
                                               const std::string& commit) {
    const auto documents =
        TRY(reader_.read(TRY(source::files_at(repository_, commit)), Checks::first));
    return source::definition_in(documents, {key, commit, Checks::first}, tracker_, find_zone);
}

}  // namespace tidegate::cli
