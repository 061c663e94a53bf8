#include "reconciler/daemon/config_source.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <utility>

#include "reconciler/git/repository.h"
#include "reconciler/source/line_files.h"
#include "reconciler/timezone/zones.h"
#include "schema/base/limits.h"

namespace tidegate::daemon {
namespace {

LineOptions line_options(const SourceOptions& options) {
    return {find_zone, fmt::format("{} <{}>", options.identity.name, options.identity.email)};
}

using source::is_limit;
using source::is_of_the_commit;

/// Of the line itself: no later try reads it, whatever becomes of disk and child.
bool is_for_good(const Error& error) {
    switch (error.code) {
        case ErrorCode::invalid:
        case ErrorCode::not_found:
        case ErrorCode::conflict:
        case ErrorCode::exhausted:
            return true;
        case ErrorCode::unavailable:
        case ErrorCode::timeout:
        case ErrorCode::denied:
        case ErrorCode::internal:
            break;
    }
    return false;
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
    for (auto* until : {&accepted_.lenient_until, &accepted_.second_until, &accepted_.fourth_until})
        if (!*until) *until = accepted_.commit;
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
    std::string head, tip;
    std::stringstream text;
    if (!std::getline(file, head) || !(text << file.rdbuf()))
        return fail(ErrorCode::not_found, "no saved history");
    std::istringstream words{head};
    int number = static_cast<int>(Checks::first);  // before there were others the file named none
    words >> tip >> number;
    for (std::string word; words >> word;) reader_.excuse(word);
    const auto checks = checks_of(number);
    if (!TRY(git_.is_ancestor(tip, accepted)))
        return fail(ErrorCode::conflict, "the saved history is that of another line");
    auto entries = TRY(source::files_at(git_, tip));
    documents_ = TRY(reader_.read(entries, checks));
    tracker_ = TRY(LineTracker::load(line_options(options_), text.str(), documents_));
    if (tracker_.tip() != tip || tracker_.checks() != checks)
        return fail(ErrorCode::conflict, "the saved history is that of another commit");
    for (auto& entry : entries) entries_.emplace(entry.path, entry);
    unsaved_ = 0;
    return {};
}

PollReport ConfigSource::poll(Timestamp now) {
    last_.desired = nullptr;
    last_.documents = nullptr;
    look(now);
    if (!git_.damage().empty() && make_anew(now)) look(now);
    return last_;
}

/// Whatever is kept in the copy is also at the remote, or is brought over; a revert that was only
/// there is prepared again.
bool ConfigSource::make_anew(Timestamp now) {
    const auto what = fmt::format("the local copy of the repo is damaged ({})", git_.damage());
    const auto lost = git_.make_anew(options_.remote, options_.branch, now);
    if (!lost) {
        const auto why = fmt::format("{}: {}", what, lost.error().text());
        if (!last_.status.poll_error.empty())
            last_.status.poll_error = why;
        else
            spdlog::warn("config: {}", why);
        return false;
    }
    if (lost->empty())
        spdlog::warn("config: {} and was made anew", what);
    else
        spdlog::error("config: {} and was made anew, but for {}; what was there is in {}.damaged",
                      what, fmt::join(*lost, ", "), options_.process.directory);
    return true;
}

void ConfigSource::look(Timestamp now) {
    auto fetched = git_.fetch(options_.remote, options_.branch);
    if (!fetched) {
        last_.status.poll_error = fetched.error().text();
        return;
    }
    tell_unconfined();
    last_.status.last_poll_at = now;
    last_.status.poll_error.clear();
    if (fetched->tip == last_.status.accepted_commit && fetched->tip == tracker_.tip()) {
        last_.held.clear();
        if (last_.status.tip_state == TipState::held) tell_tip(fetched->tip);
        return;
    }
    options_.crash_point("config.after_fetch");
    const bool known = fetched->tip == accepted_.commit;
    auto taken = take(fetched->tip, known ? accepted_.at : now, By::fast_forward);
    if (taken) return;
    last_.status.poll_error = taken.error().text();
    tell_held(fetched->tip, taken.error());
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
    options_.crash_point("config.after_fetch");
    auto taken = take(tip, now, By::person);
    if (taken || git_.damage().empty()) return taken;
    past_damage_ = !make_anew(now);
    taken = take(tip, now, By::person);
    past_damage_ = false;
    return taken;
}

/// What is damaged here and at the remote too no later try reads.
bool ConfigSource::is_passed_over(const Error& error) const {
    return past_damage_ && error.code == ErrorCode::internal;
}

/// No commit is part of every line; one that was lost here, and is not at the remote, of none.
Result<bool> ConfigSource::is_part_of(const std::string& commit, const std::string& tip) {
    if (commit.empty() || commit == tip) return true;
    const auto part = git_.is_ancestor(commit, tip);
    if (!part && (part.error().code == ErrorCode::not_found || is_passed_over(part.error())))
        return false;
    return part;
}

/// Brings the line to a tip that may be taken in. Where a former try stopped half-way the line
/// can be ahead of the accepted commit, on commits that have left the branch since.
Result<void> ConfigSource::bring_line(const std::string& tip, bool goes_on) {
    if (tip == tracker_.tip()) return {};
    passed_.clear();
    if (!goes_on || !TRY(is_part_of(tracker_.tip(), tip))) {
        forget_line();
        unsaved_ = kTipsPerHistory;
    }
    if (tracker_.tip().empty() && goes_on && !accepted_.commit.empty()) CHECK(reopen_line());
    return tip == tracker_.tip() ? Result<void>{} : follow(tracker_.tip(), tip);
}

/// The line up to a tip that may be taken in, with all that it names, kept for good.
Result<void> ConfigSource::bring_in(const std::string& tip, bool goes_on, By by) {
    auto brought = bring_line(tip, goes_on);
    if (!brought && by == By::person &&
        (is_for_good(brought.error()) || is_passed_over(brought.error())))
        brought = begin_line_at(tip, brought.error());
    CHECK(brought);
    // What a held assignment was pinned to shows only once its last valid state is there.
    while (!tracker_.missing().empty()) CHECK(provide_missing());
    return git_.keep(tip);
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
    const auto former = accepted_;
    if (!goes_on || accepted_.commit.empty())
        accepted_.lenient_until = accepted_.second_until = accepted_.fourth_until =
            TRY(git_.before(tip));
    if (auto brought = bring_in(tip, goes_on, by); !brought) {
        accepted_ = former;
        return fail(std::move(brought).error());
    }
    if (auto kept = reader_.keep_only(entries_); !kept)
        spdlog::warn("config: the next start parses every file: {}", kept.error().text());
    if (++unsaved_ > kTipsPerHistory) save_history();
    accepted_.commit = last_.status.accepted_commit = tip;
    accepted_.at = at;
    if (accepted_.rebuilt_to.empty()) accepted_.rebuilt_to = tip;
    last_.lenient_until = accepted_.lenient_until.value_or("");
    last_.second_until = accepted_.second_until.value_or("");
    last_.fourth_until = accepted_.fourth_until.value_or("");
    last_.rebuilt_to = accepted_.rebuilt_to;
    auto desired = tracker_.desired(at);
    desired.repo = git::display_url(options_.remote.url);
    desired.branch = options_.branch;
    last_.desired = std::make_shared<const Desired>(std::move(desired));
    last_.documents = std::make_shared<const DocumentTree>(documents_);
    last_.held.clear();
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
    status.warnings.insert(status.warnings.begin(), passed_.begin(), passed_.end());
    status.tip_state = status.errors.empty() ? TipState::accepted : TipState::partial;
}

void ConfigSource::tell_held(const std::string& tip, Error why) {
    auto& status = last_.status;
    status.tip_commit = tip;
    status.tip_state = TipState::held;
    status.errors = {std::move(why)};
}

/// Older checks judge what was accepted when they were the newest: a commit that the last such one
/// descends from.
Result<Checks> ConfigSource::checks_at(const std::string& commit) {
    const std::array boundaries{std::pair{Checks::first, &accepted_.lenient_until},
                                std::pair{Checks::second, &accepted_.second_until},
                                std::pair{Checks::fourth, &accepted_.fourth_until}};
    for (const auto& [checks, until] : boundaries) {
        const auto last = until->value_or("");
        if (!last.empty() && TRY(is_part_of(commit, last))) return checks;
    }
    return kChecksNow;
}

/// Of each commit of the line: never older ones than of the one before.
Result<std::vector<Checks>> ConfigSource::checks_along(const std::vector<git::Commit>& line) {
    std::vector<Checks> along(line.size(), kChecksNow);
    if (tracker_.checks() == kChecksNow && !tracker_.tip().empty()) return along;
    std::size_t from = 0;
    for (const auto checks : {Checks::first, Checks::second, Checks::fourth}) {
        const auto begin = from;
        for (auto to = line.size(); from < to;) {
            const auto middle = from + (to - from) / 2;
            if (TRY(checks_at(line[middle].id)) > checks)
                to = middle;
            else
                from = middle + 1;
        }
        std::fill(along.begin() + static_cast<std::ptrdiff_t>(begin),
                  along.begin() + static_cast<std::ptrdiff_t>(from), checks);
    }
    return along;
}

Result<void> ConfigSource::follow(const std::string& from, const std::string& to) {
    const auto line = git_.line(from, to);
    if (!line && is_limit(line.error())) return follow_at_once(to, line.error());
    if (!line) return fail(line.error());
    const auto checks = TRY(checks_along(*line));
    for (std::size_t i = 0; i < line->size(); ++i) {
        const auto added = add((*line)[i], checks[i]);
        if (!added && is_of_the_commit(added.error())) return follow_at_once(to, added.error());
        CHECK(added);
    }
    return {};
}

/// Something between the line's end and `to` is beyond a limit, or malformed: all of it becomes one
/// change, and only what is there at its end has to be readable.
Result<void> ConfigSource::follow_at_once(const std::string& to, const Error& why) {
    if (tracker_.tip().empty()) return begin_line_at(to, why);
    const auto whole = TRY(git_.range(tracker_.tip(), to));
    CHECK(add(whole, TRY(checks_at(to))));
    tell_passed(to, fmt::format("all since {} counts as one change", accepted_.commit), why);
    return {};
}

/// The line begins anew, with no history: when what is before the commit cannot be read at all.
Result<void> ConfigSource::begin_line_at(const std::string& commit, const Error& why) {
    CHECK(source::files_at(git_, commit));  // what cannot be read must not be remembered
    forget_line();
    CHECK(git_.remember_anchor(commit, commit));
    unsaved_ = kTipsPerHistory;
    const auto checks = TRY(checks_at(commit));
    for (const auto& first : TRY(git_.line({}, commit))) CHECK(add(first, checks));
    tell_passed(commit, "the line begins here, without what was before", why);
    return {};
}

void ConfigSource::tell_passed(const std::string& commit, std::string_view what, const Error& why) {
    warn({why.code, fmt::format("commit {}: {}: {}", commit, what, why.message), {}});
}

void ConfigSource::warn(Error of_tip) {
    if (passed_.size() >= limits::kErrorsReportedMax) return;
    spdlog::warn("config: {}", of_tip.text());
    passed_.push_back(std::move(of_tip));
}

/// The files of the line's end, read by other checks than before.
Result<void> ConfigSource::adopt(Checks checks) {
    std::vector<git::TreeEntry> entries;
    for (const auto& [path, entry] : entries_) entries.push_back(entry);
    documents_ = TRY(reader_.read(entries, checks));
    tracker_.adopt(checks, documents_);
    unsaved_ = kTipsPerHistory;
    return {};
}

/// Only what is older than the store; asked of Git for the few that look like ours.
Result<bool> ConfigSource::is_proven_by_form(const git::Commit& commit) {
    if (commit.author != options_.identity || own_.contains(commit.id)) return false;
    if (accepted_.commit.empty()) return true;
    return !accepted_.rebuilt_to.empty() && TRY(is_part_of(commit.id, accepted_.rebuilt_to));
}

Result<void> ConfigSource::add(const git::Commit& commit, Checks checks) {
    if (!tracker_.tip().empty() && tracker_.checks() != checks) CHECK(adopt(checks));
    std::set<std::string> changed;
    std::vector<git::TreeEntry> present;
    for (auto& change : TRY(source::changed_files(git_, tracker_.tip(), commit.id))) {
        changed.insert(change.path);
        if (change.now) present.push_back(*std::move(change.now));
    }
    const bool own = own_.contains(commit.id);
    auto read = TRY(own ? reader_.read_again(present, checks) : reader_.read(present, checks));
    if (commit.off_line) {
        // Neither an older history nor the line from its root leads here by this way.
        CHECK(git_.remember_anchor(commit.id, commit.first_parent));
        unsaved_ = kTipsPerHistory;
    }
    auto line = source::to_line_commit(commit, checks);
    line.file_authors = TRY(source::file_authors(git_, commit, changed));
    line.own = own;
    line.proven_by_form = TRY(is_proven_by_form(commit));
    // Nothing fails from here on: the line, its files and their documents move together.
    for (const auto& path : changed) {
        entries_.erase(path);
        documents_.erase(path);
    }
    for (auto& [path, file] : read) documents_[path] = std::move(file);
    for (auto& entry : present) entries_[entry.path] = entry;
    tracker_.add_commit(line, documents_, changed);
    if (checks == kChecksNow)
        for (auto& part : source::unread_parts(commit)) warn(std::move(part));
    return {};
}

Result<void> ConfigSource::provide_missing() {
    for (const auto& commit : tracker_.missing()) {
        const auto checks = TRY(checks_at(commit));
        tracker_.provide(commit, TRY(reader_.read(TRY(source::files_at(git_, commit)), checks)),
                         checks);
    }
    return {};
}

void ConfigSource::save_history() {
    unsaved_ = 0;
    const auto fresh = options_.history_file.string() + ".new";
    std::ofstream out{fresh, std::ios::trunc};
    out << tracker_.tip() << ' ' << static_cast<int>(tracker_.checks());
    for (const auto& word : reader_.excused()) out << ' ' << word;
    out << '\n' << tracker_.json();
    out.close();
    std::error_code error;
    if (out) std::filesystem::rename(fresh, options_.history_file, error);
    if (!out || error)
        spdlog::warn("config: cannot save {}: the next start replays the line",
                     options_.history_file.string());
}

Result<DefinitionPtr> ConfigSource::load_definition(const AssignmentKey& key,
                                                    const std::string& commit) {
    const auto checks = TRY(checks_at(commit));
    const auto documents = TRY(reader_.read(TRY(source::files_at(git_, commit)), checks));
    return source::definition_in(documents, {key, commit, checks}, tracker_, find_zone);
}

/// A target that came from another environment reports what was good there. Where Git cannot say,
/// it is believed.
bool ConfigSource::was_there(const AssignmentKey& key, const LastGood& good) {
    const auto there = load_definition(key, good.commit);
    if (there) return (*there)->digest == good.digest;
    return there.error().code != ErrorCode::not_found && there.error().code != ErrorCode::invalid;
}

Result<std::optional<LastGood>> ConfigSource::find_last_good(
    const AssignmentKey& key, const std::vector<LastGood>& candidates) {
    std::optional<LastGood> newest;
    std::size_t distance = 0;
    for (const auto& candidate : candidates) {
        const auto line = git_.line(candidate.commit, tracker_.tip());
        if (!line && (line.error().code == ErrorCode::unavailable ||
                      line.error().code == ErrorCode::timeout))
            return fail(line.error());
        const bool on_line =
            line && std::ranges::none_of(*line, [](const auto& c) { return c.off_line; });
        if (!on_line || (newest && line->size() >= distance) || !was_there(key, candidate))
            continue;
        newest = candidate;
        distance = line->size();
    }
    return newest;
}

}  // namespace tidegate::daemon
