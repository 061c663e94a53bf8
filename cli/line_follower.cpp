#include "cli/line_follower.h"

#include "cli/documents.h"
#include "reconciler/timezone/zones.h"

namespace tidegate::cli {
namespace {

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

}  // namespace

LineFollower::LineFollower(const git::Repository& repository)
    : repository_{repository}, reader_{reader_of(repository)}, tracker_{{find_zone, {}}} {}

Result<void> LineFollower::follow(const std::string& commit) {
    const auto line = repository_.line(tracker_.tip(), commit);
    if (!line && line.error().code == ErrorCode::exhausted) return begin_at(commit);
    for (const auto& next : TRY(line)) CHECK(add(next, Checks::first));
    return {};
}

/// As the daemon does where the line is too long: what was before the commit is not looked at.
Result<void> LineFollower::begin_at(const std::string& commit) {
    git::Commit first;
    first.id = commit;
    return add(first, Checks::first);
}

Result<void> LineFollower::merge(const std::string& commit) {
    CHECK(adopt());
    git::Commit whole;
    if (TRY(repository_.is_ancestor(tracker_.tip(), commit)))
        whole = TRY(repository_.range(tracker_.tip(), commit));
    whole.id = commit;
    whole.first_parent = tracker_.tip();
    return add(whole, kChecksNow);
}

/// From here on by the checks that a new commit meets.
Result<void> LineFollower::adopt() {
    documents_ = TRY(reader_.read(TRY(entries_at(repository_, tracker_.tip()))));
    tracker_.adopt(kChecksNow, documents_);
    return {};
}

Result<void> LineFollower::add(const git::Commit& commit, Checks checks) {
    std::set<std::string> changed;
    std::vector<git::TreeEntry> present;
    if (tracker_.tip().empty()) {
        present = TRY(entries_at(repository_, commit.id));
        for (const auto& entry : present) changed.insert(entry.path);
    } else {
        for (auto& change :
             TRY(repository_.changes(tracker_.tip(), commit.id, source::DocumentReader::scope()))) {
            if (!source::DocumentReader::is_ours(change.path)) continue;
            changed.insert(change.path);
            documents_.erase(change.path);
            if (change.now) present.push_back(*std::move(change.now));
        }
    }
    for (auto& [path, file] : TRY(reader_.read(present, checks))) documents_[path] = std::move(file);
    tracker_.add_commit(to_line_commit(commit, checks), documents_, changed);
    return {};
}

Result<Desired> LineFollower::desired(Timestamp now) {
    for (const auto& commit : tracker_.missing())
        tracker_.provide(commit,
                         TRY(reader_.read(TRY(entries_at(repository_, commit)), Checks::first)),
                         Checks::first);
    return tracker_.desired(now);
}

}  // namespace tidegate::cli
