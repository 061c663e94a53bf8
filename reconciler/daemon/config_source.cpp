#include "reconciler/daemon/config_source.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "reconciler/git/repository.h"
#include "reconciler/timezone/zones.h"

namespace tidegate::daemon {
namespace {

LineOptions line_options(const SourceOptions& options) {
    return {find_zone, fmt::format("{} <{}>", options.identity.name, options.identity.email)};
}

LineCommit to_line_commit(const git::Commit& commit) {
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
    return line;
}

std::vector<git::TreeEntry> only_ours(std::vector<git::TreeEntry> entries) {
    std::erase_if(entries,
                  [](const auto& entry) { return !source::DocumentReader::is_ours(entry.path); });
    return entries;
}

}  // namespace

ConfigSource::ConfigSource(SourceOptions options)
    : options_{std::move(options)},
      git_{options_.process},
      reader_{[this](const auto& ids) { return git_.blobs(ids); },
              {options_.parsed_file, source::parser_identity()}},
      tracker_{line_options(options_)} {}

Result<PollReport> ConfigSource::open(Accepted accepted, std::set<std::string> own) {
    own_ = std::move(own);
    accepted_ = std::move(accepted);
    if (accepted_.commit.empty()) return last_;
    return take(accepted_.commit, accepted_.at, By::fast_forward);
}

void ConfigSource::forget_line() {
    tracker_ = LineTracker{line_options(options_)};
    entries_.clear();
    documents_.clear();
}

/// The line as it was up to the accepted commit: out of the saved history, else from its root.
Result<void> ConfigSource::reopen_line() {
    const auto resumed = resume(accepted_.commit);
    if (resumed) return {};
    spdlog::info("config: replaying the line from its root: {}", resumed.error().text());
    forget_line();
    return follow({}, accepted_.commit);
}

Result<void> ConfigSource::resume(const std::string& accepted) {
    std::ifstream file{options_.history_file};
    std::string tip;
    std::stringstream text;
    if (!std::getline(file, tip) || !(text << file.rdbuf()))
        return fail(ErrorCode::not_found, "no saved history");
    if (!TRY(git_.is_ancestor(tip, accepted)))
        return fail(ErrorCode::conflict, "the saved history is that of another line");
    auto entries = only_ours(TRY(git_.tree(tip)));
    documents_ = TRY(reader_.read(entries));
    tracker_ = TRY(LineTracker::load(line_options(options_), text.str(), documents_));
    if (tracker_.tip() != tip)
        return fail(ErrorCode::conflict, "the saved history is that of another commit");
    for (auto& entry : entries) entries_.emplace(entry.path, entry);
    unsaved_ = 0;
    return {};
}

PollReport ConfigSource::poll(Timestamp now) {
    last_.desired = nullptr;
    last_.documents = nullptr;
    auto fetched = git_.fetch(options_.remote, options_.branch);
    if (!fetched) {
        last_.status.poll_error = fetched.error().text();
        return last_;
    }
    tell_unconfined();
    last_.status.last_poll_at = now;
    last_.status.poll_error.clear();
    if (fetched->tip == last_.status.accepted_commit && fetched->tip == tracker_.tip()) {
        last_.held.clear();
        if (last_.status.tip_state == TipState::held) tell_tip(fetched->tip);
        return last_;
    }
    options_.crash_point("config.after_fetch");
    const bool known = fetched->tip == accepted_.commit;
    auto taken = take(fetched->tip, known ? accepted_.at : now, By::fast_forward);
    if (taken) return *std::move(taken);
    last_.status.poll_error = taken.error().text();
    tell_held(fetched->tip, taken.error());
    return last_;
}

void ConfigSource::tell_unconfined() {
    if (told_unconfined_ || git_.unconfined().empty()) return;
    told_unconfined_ = true;
    spdlog::warn("git: its child can read what the daemon can, also keys: {}", git_.unconfined());
}

Result<PollReport> ConfigSource::accept(const std::string& commit, Timestamp now) {
    const auto tip = TRY(git_.fetch(options_.remote, options_.branch)).tip;
    if (commit != tip)
        return fail(ErrorCode::conflict, "{} is not the tip of {}: that is {}", commit,
                    options_.branch, tip);
    return take(tip, now, By::person);
}

/// No commit is part of every line; one that was lost here, and is not at the remote, of none.
Result<bool> ConfigSource::is_part_of(const std::string& commit, const std::string& tip) {
    if (commit.empty() || commit == tip) return true;
    const auto part = git_.is_ancestor(commit, tip);
    if (!part && part.error().code == ErrorCode::not_found) return false;
    return part;
}

/// Brings the line to a tip that may be taken in. Where a former try stopped half-way the line
/// can be ahead of the accepted commit, on commits that have left the branch since.
Result<void> ConfigSource::bring_line(const std::string& tip, bool goes_on) {
    if (tip == tracker_.tip()) return {};
    if (!goes_on || !TRY(is_part_of(tracker_.tip(), tip))) {
        forget_line();
        unsaved_ = kTipsPerHistory;
    }
    if (tracker_.tip().empty() && goes_on && !accepted_.commit.empty()) CHECK(reopen_line());
    return tip == tracker_.tip() ? Result<void>{} : follow(tracker_.tip(), tip);
}

Result<PollReport> ConfigSource::take(const std::string& tip, Timestamp at, By by) {
    const bool goes_on = TRY(is_part_of(accepted_.commit, tip));
    if (!goes_on && by != By::person) {
        last_.held =
            fmt::format("{} does not descend from the accepted commit {}: was {} force-pushed?",
                        tip, accepted_.commit, options_.branch);
        tell_tip(tip);
        return last_;
    }
    CHECK(bring_line(tip, goes_on));
    CHECK(provide_missing());
    CHECK(git_.keep(tip));
    if (auto kept = reader_.keep_only(entries_); !kept)
        spdlog::warn("config: the next start parses every file: {}", kept.error().text());
    if (++unsaved_ > kTipsPerHistory) save_history();
    accepted_ = {tip, at, accepted_.rebuilt_to.empty() ? tip : accepted_.rebuilt_to};
    last_.rebuilt_to = accepted_.rebuilt_to;
    auto desired = tracker_.desired(at);
    desired.repo = git::display_url(options_.remote.url);
    desired.branch = options_.branch;
    last_.desired = std::make_shared<const Desired>(std::move(desired));
    last_.documents = std::make_shared<const DocumentTree>(documents_);
    last_.held.clear();
    last_.status.accepted_commit = tip;
    last_.status.accepted_at = at;
    tell_tip(tip);
    return last_;
}

/// What the tip amounts to: refused whole, or the line's end with its errors.
void ConfigSource::tell_tip(const std::string& tip) {
    if (!last_.held.empty()) return tell_held(tip, {ErrorCode::conflict, last_.held, {}});
    auto& status = last_.status;
    status.tip_commit = tip;
    status.errors = tracker_.errors();
    status.warnings = tracker_.warnings();
    status.tip_state = status.errors.empty() ? TipState::accepted : TipState::partial;
}

void ConfigSource::tell_held(const std::string& tip, Error why) {
    auto& status = last_.status;
    status.tip_commit = tip;
    status.tip_state = TipState::held;
    status.errors = {std::move(why)};
}

Result<void> ConfigSource::follow(const std::string& from, const std::string& to) {
    for (const auto& commit : TRY(git_.line(from, to))) {
        if (commit.off_line) {
            // Neither an older history nor the line from its root leads here by this way.
            CHECK(git_.remember_anchor(commit.id, commit.first_parent));
            unsaved_ = kTipsPerHistory;
        }
        CHECK(add(commit));
    }
    return {};
}

/// Only what is older than the store; asked of Git for the few that look like ours.
Result<bool> ConfigSource::is_proven_by_form(const git::Commit& commit) {
    if (commit.author != options_.identity || own_.contains(commit.id)) return false;
    if (accepted_.commit.empty()) return true;
    return !accepted_.rebuilt_to.empty() && TRY(is_part_of(commit.id, accepted_.rebuilt_to));
}

Result<void> ConfigSource::add(const git::Commit& commit) {
    std::set<std::string> changed;
    std::vector<git::TreeEntry> present;
    if (tracker_.tip().empty()) {
        present = only_ours(TRY(git_.tree(commit.id)));
        for (const auto& entry : present) changed.insert(entry.path);
    } else {
        for (auto& change : TRY(git_.changes(tracker_.tip(), commit.id))) {
            if (!source::DocumentReader::is_ours(change.path)) continue;
            changed.insert(change.path);
            if (change.now) present.push_back(*std::move(change.now));
        }
    }
    auto read = TRY(reader_.read(present));
    auto line = to_line_commit(commit);
    line.own = own_.contains(commit.id);
    line.proven_by_form = TRY(is_proven_by_form(commit));
    // Nothing fails from here on: the line, its files and their documents move together.
    for (const auto& path : changed) {
        entries_.erase(path);
        documents_.erase(path);
    }
    for (auto& [path, file] : read) documents_[path] = std::move(file);
    for (auto& entry : present) entries_[entry.path] = entry;
    tracker_.add_commit(line, documents_, changed);
    return {};
}

Result<void> ConfigSource::provide_missing() {
    for (const auto& commit : tracker_.missing())
        tracker_.provide(commit, TRY(reader_.read(only_ours(TRY(git_.tree(commit))))));
    return {};
}

void ConfigSource::save_history() {
    unsaved_ = 0;
    const auto fresh = options_.history_file.string() + ".new";
    std::ofstream out{fresh, std::ios::trunc};
    out << tracker_.tip() << '\n' << tracker_.json();
    out.close();
    std::error_code error;
    if (out) std::filesystem::rename(fresh, options_.history_file, error);
    if (!out || error)
        spdlog::warn("config: cannot save {}: the next start replays the line",
                     options_.history_file.string());
}

Result<DefinitionPtr> ConfigSource::load_definition(const AssignmentKey& key,
                                                    const std::string& commit) {
    const auto documents = TRY(reader_.read(only_ours(TRY(git_.tree(commit)))));
    const auto resolved = resolve(documents, find_zone, commit);
    const auto found = resolved.assignments.find(key);
    if (found == resolved.assignments.end())
        return fail(ErrorCode::not_found, "{} has no version file at {}", key.text(), commit);
    if (!found->second->assignment)
        return fail(ErrorCode::invalid, "{} is not valid at {}: {}", key.text(), commit,
                    found->second->errors.empty() ? "" : found->second->errors.front().text());
    return found->second->assignment->definition;
}

std::optional<LastGood> ConfigSource::find_last_good(const std::vector<LastGood>& candidates) {
    std::optional<LastGood> newest;
    std::size_t distance = 0;
    for (const auto& candidate : candidates) {
        const auto line = git_.line(candidate.commit, tracker_.tip());
        const bool on_line =
            line && std::ranges::none_of(*line, [](const auto& c) { return c.off_line; });
        if (!on_line || (newest && line->size() >= distance)) continue;
        newest = candidate;
        distance = line->size();
    }
    return newest;
}

}  // namespace tidegate::daemon
