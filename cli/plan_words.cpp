#include "cli/plan_words.h"

#include <fmt/chrono.h>

#include <algorithm>

#include "schema/base/limits.h"

namespace tidegate::cli {
namespace {

constexpr Milliseconds kAtOnce{1'500};
constexpr std::size_t kNamesInText = 6;

const forecast::ReleaseTimeline* main_timeline(const PlannedChange& change) {
    return change.timeline.first();
}

std::optional<Timestamp> end_of(const Release& release) { return release.finished_at; }

/// From its start to its end, without what a person takes to promote.
std::optional<Milliseconds> length_of(const Release& release) {
    const auto end = end_of(release);
    if (!release.started_at || !end) return std::nullopt;
    return *end - *release.started_at;
}

/// Those that stand when the plan is made; what comes later is a pause of the release.
bool is_now(const PlanReport& report, const forecast::HoldSpan& span) {
    return span.from <= report.at + kAtOnce;
}

std::string opening_text(const PlanReport& report, const forecast::HoldSpan& span) {
    const auto from = is_now(report, span) ? "" : "from " + instant_text(span.from) + " ";
    // What stands longer than the forecast needs is told by its gate.
    if (span.hold.until)
        return from + "until " + instant_text(*span.hold.until, span.hold.until_local);
    if (span.to) return from + "until " + instant_text(*span.to);
    return from + "until a person acts";
}

std::size_t count_moving(const PlanReport& report) {
    std::size_t targets = 0;
    for (const auto& change : report.changes) targets += moving_targets(change);
    return targets;
}

/// Of a group that the summary counts.
struct Tally {
    std::size_t at_once = 0, later = 0, held = 0, idle = 0;
    Milliseconds longest{0};
    std::optional<Timestamp> last;
    bool awaits = false;
};

Tally tally_of(const PlanReport& report) {
    Tally tally;
    for (const auto& change : report.changes) {
        const auto* timeline = main_timeline(change);
        if (!timeline) {
            ++tally.idle;
            continue;
        }
        const auto& release = timeline->release;
        if (timeline->waits || !release.started_at) {
            ++tally.held;
            continue;
        }
        ++(*release.started_at - report.at < kAtOnce ? tally.at_once : tally.later);
        tally.awaits = tally.awaits || !timeline->promotes.empty();
        tally.longest = std::max(tally.longest, length_of(release).value_or(Milliseconds{0}));
        tally.last = std::max(tally.last, end_of(release));
    }
    return tally;
}

void add(std::string& text, std::string part) {
    if (!part.empty()) text += (text.empty() ? "" : ", ") + std::move(part);
}

std::string one_summary(const PlanReport& report, const PlannedChange& change) {
    std::string text;
    add(text, fmt::format("{} {}", kind_text(change), versions_text(change)));
    if (const auto moving = moving_targets(change); moving > 0)
        add(text, counted(moving, "target", "targets"));
    if (const auto start = start_text(report, change); !start.empty()) add(text, "starts " + start);
    if (const auto length = length_text(change); !length.empty()) add(text, "takes " + length);
    return fmt::format("{}: {}", change.timeline.key.text(), text);
}

std::string how_it_ends(const Release& release) {
    switch (release.status) {
        case ReleaseStatus::success:
            return "ends well";
        case ReleaseStatus::rollback:
            return "is rolled back";
        case ReleaseStatus::failed:
            return "fails";
        case ReleaseStatus::cancelled:
            return "is cancelled";
        default:
            return "does not end";
    }
}

std::vector<std::string> names_with(const Release& release, TargetStatus status) {
    std::vector<std::string> names;
    for (const auto& [name, progress] : release.targets)
        if (progress.status == status) names.push_back(name);
    return names;
}

std::string revert_text(RevertState revert, const std::string& note) {
    switch (revert) {
        case RevertState::pushed:
            return "the daemon reverts the commit";
        case RevertState::not_needed:
            return note.empty() ? "the commit stays" : "the commit stays: " + note;
        default:
            return "";
    }
}

/// `retire blue after 1d`: what nothing uses any more, so long after the release before it.
std::string retire_text(const Release& release, const Release* former) {
    auto text = fmt::format("retire {}", release.slot.empty() ? release.from : release.slot);
    if (!release.started_at) return text + " waits";
    const auto after = former && former->finished_at ? *release.started_at - *former->finished_at
                                                     : Milliseconds{0};
    text += after < kAtOnce ? " at once" : " after " + span_text(after);
    if (release.status != ReleaseStatus::success)
        text += fmt::format(", which {}", how_it_ends(release));
    return text;
}

/// What the old side is to users by then.
std::string back_text(const forecast::ReleaseTimeline& timeline) {
    const auto& release = timeline.release;
    const auto back = names_with(release, TargetStatus::restored);
    if (back.empty()) return "";
    if (release.slot.empty())
        return fmt::format("; back on {}: {}",
                           release.last_good ? release.last_good->version : "last good",
                           names_text(back, kNamesInText, ", "));
    const auto live = timeline.live.empty() ? "what was there before" : timeline.live;
    const bool routed = std::ranges::any_of(release.steps, [](const Step& step) {
        return kind_of(step) == StepKind::route && step.started_at;
    });
    return fmt::format("; {} {}", routed ? "all traffic back to" : "no traffic left", live);
}

/// `former`: the release before it; null: there is none.
std::string end_text(const forecast::ReleaseTimeline& timeline, const Release* former) {
    const auto& release = timeline.release;
    if (release.kind == ReleaseKind::retire) return retire_text(release, former);
    if (timeline.waits && !release.started_at)
        return fmt::format("{} {} waits", to_string(release.kind), release.to);
    std::string text =
        fmt::format("{} {} {}", to_string(release.kind), release.to, how_it_ends(release));
    if (release.started_at && release.finished_at)
        text += fmt::format(" after {}", span_text(*release.finished_at - *release.started_at));
    else if (release.started_at)
        text += fmt::format(", begun {}", instant_text(*release.started_at));
    if (!release.reason.empty()) text += ": " + release.reason;
    text += back_text(timeline);
    if (const auto revert = revert_text(release.revert, release.revert_note); !revert.empty())
        text += "; " + revert;
    return text;
}

}  // namespace

std::string span_text(Milliseconds span) {
    auto seconds = std::chrono::round<Seconds>(std::max(span, Milliseconds{0}));
    if (seconds >= std::chrono::hours{24})
        seconds -= seconds % std::chrono::hours{1};
    else if (seconds >= std::chrono::hours{1})
        seconds -= seconds % std::chrono::minutes{1};
    return format_duration(seconds);
}

std::string instant_text(Timestamp at, const std::string& local) {
    const auto seconds = std::chrono::round<Seconds>(at);
    const bool whole = seconds.time_since_epoch().count() % 60 == 0;
    const auto time = std::chrono::system_clock::to_time_t(seconds);
    const auto text = whole ? fmt::format("{:%a %F %H:%M} UTC", fmt::gmtime(time))
                            : fmt::format("{:%a %F %T} UTC", fmt::gmtime(time));
    return local.empty() ? text : fmt::format("{} ({})", text, local);
}

std::string names_text(const std::vector<std::string>& names, std::size_t shown,
                       std::string_view separator) {
    std::string text;
    const auto cut = names.size() > shown + 1 ? shown : names.size();
    for (std::size_t i = 0; i < cut; ++i) text += (i == 0 ? "" : std::string{separator}) + names[i];
    if (cut < names.size()) text += fmt::format("{}and {} more", separator, names.size() - cut);
    return text;
}

std::string counted(std::size_t number, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", number, number == 1 ? one : many);
}

const Release* main_release(const PlannedChange& change) {
    const auto* timeline = main_timeline(change);
    return timeline ? &timeline->release : nullptr;
}

bool is_removed(const PlannedChange& change) { return !change.timeline.after; }

std::string kind_text(const PlannedChange& change) {
    if (is_removed(change)) return "removed";
    const auto* release = main_release(change);
    return release ? std::string{to_string(release->kind)} : "no deployment";
}

std::string versions_text(const PlannedChange& change) {
    const auto of = [](const AssignmentPtr& assignment) -> std::string {
        if (!assignment) return "nothing";
        return assignment->definition->absent ? "absent" : assignment->definition->version;
    };
    const auto* release = main_release(change);
    auto from = of(change.timeline.before);
    if (is_removed(change)) return from + " → (removed)";
    const auto to = of(change.timeline.after);
    // What base wished may not have been begun.
    const bool introduces = release && release->kind == ReleaseKind::introduce;
    if (from == to && introduces && !release->from.empty()) from = release->from;
    if (from != to) return from + " → " + to;
    return introduces ? to + " with another definition" : to;
}

std::size_t moving_targets(const PlannedChange& change) {
    const auto* release = main_release(change);
    if (!release) return 0;
    std::set<std::string_view> names;
    for (const auto& step : release->steps)
        if (const auto* work = deploy_of(step))
            names.insert(work->targets.begin(), work->targets.end());
    return names.size();
}

std::string start_text(const PlanReport& report, const PlannedChange& change) {
    const auto* timeline = main_timeline(change);
    if (!timeline) return "";
    if (timeline->waits) return "after a person acts";
    const auto* release = &timeline->release;
    const auto wait = *release->started_at - report.at;
    if (wait < kAtOnce) return "at once";
    std::string local;
    for (const auto& span : change.timeline.holds)
        if (span.hold.until && std::chrono::abs(*span.hold.until - *release->started_at) < kAtOnce)
            local = span.hold.until_local;
    return fmt::format("{}, in {}", instant_text(*release->started_at, local), span_text(wait));
}

std::string length_text(const PlannedChange& change) {
    const auto* timeline = main_timeline(change);
    const auto length = timeline ? length_of(timeline->release) : std::nullopt;
    if (!length) return "";
    const auto promotes = timeline->promotes.size();
    return fmt::format("about {}{}", span_text(*length),
                       promotes == 0 ? "" : " and " + counted(promotes, "promote", "promotes"));
}

std::string gates_text(const PlanReport& report, const PlannedChange& change) {
    std::string text;
    std::set<std::string_view> known;
    for (const auto& span : change.timeline.holds)
        if (is_now(report, span) && known.insert(span.hold.gate).second) add(text, span.hold.gate);
    return text;
}

std::string summary_of(const PlanReport& report) {
    if (report.changes.empty())
        return report.files == 0
                   ? "nothing changes"
                   : fmt::format("nothing changes: {} in comments or descriptions",
                                 counted(report.files, "file differs", "files differ"));
    if (report.changes.size() == 1) return one_summary(report, report.changes.front());
    const auto tally = tally_of(report);
    std::string text;
    if (tally.at_once > 0) add(text, counted(tally.at_once, "starts at once", "start at once"));
    if (tally.later > 0) add(text, counted(tally.later, "starts later", "start later"));
    if (tally.held > 0) add(text, counted(tally.held, "waits for a person", "wait for a person"));
    if (tally.idle > 0) add(text, counted(tally.idle, "deploys nothing", "deploy nothing"));
    if (const auto moving = count_moving(report); moving > 0)
        add(text, counted(moving, "target moves", "targets move"));
    if (tally.last)
        add(text, fmt::format("done in about {}{}", span_text(*tally.last - report.at),
                              tally.awaits ? " and the promotes" : ""));
    return fmt::format("{} change: {}", counted(report.changes.size(), "assignment", "assignments"),
                       text);
}

bool goes_back(const forecast::Undo& undo) { return !undo.restored.empty(); }

std::vector<HoldLine> hold_lines(const PlanReport& report, const PlannedChange& change) {
    constexpr std::size_t kShown = 10;
    std::vector<HoldLine> lines;
    for (const auto& span : change.timeline.holds) {
        if (lines.size() == kShown) {
            lines.push_back(
                {"…", "", fmt::format("and {} more", change.timeline.holds.size() - kShown)});
            break;
        }
        lines.push_back({span.hold.gate, opening_text(report, span), span.hold.reason});
    }
    return lines;
}

namespace {

/// Of a release beside a live slot: nothing that served is touched.
std::string switch_back_text(const forecast::Undo& undo) {
    const auto live = undo.live.empty() ? std::string{"what was there before"} : undo.live;
    if (!undo.routed) return fmt::format("{} is removed, {} serves on", undo.slot, live);
    return fmt::format("all traffic goes back to {} ({}) within {}, {} is removed", live, undo.to,
                       span_text(undo.took), undo.slot);
}

}  // namespace

std::string undo_text(const forecast::Undo& undo) {
    auto text = fmt::format("if {} fails in step {}, ", undo.target, undo.step);
    if (undo.restored.empty())
        return text + fmt::format("{}: {}",
                                  undo.left.size() == 1 ? "what is there stays"
                                                        : fmt::format("what is on {} targets stays",
                                                                      undo.left.size()),
                                  undo.reason);
    if (!undo.slot.empty())
        text += switch_back_text(undo);
    else
        text += fmt::format("{} back to {} within {}",
                            counted(undo.restored.size(), "target goes", "targets go"), undo.to,
                            span_text(undo.took));
    if (!undo.left.empty()) text += fmt::format(", {}", counted(undo.left.size(), "stays", "stay"));
    const auto revert = revert_text(undo.revert, "");
    return text + (revert.empty() ? "" : ", and " + revert);
}

std::vector<std::string> outcome_lines(const PlanReport& report, const PlannedChange& change) {
    std::vector<std::string> lines;
    const auto& releases = change.timeline.releases;
    for (std::size_t i = report.simulated ? 0 : 1; i < releases.size(); ++i)
        lines.push_back(end_text(releases[i], i == 0 ? nullptr : &releases[i - 1].release));
    if (change.timeline.more > 0)
        lines.push_back(
            fmt::format("and {}", counted(change.timeline.more, "more release", "more releases")));
    return lines;
}

std::vector<std::string> fleet_lines(const PlannedChange& change) {
    std::vector<std::string> lines;
    const auto tell = [&](const std::vector<std::string>& names, std::string_view one,
                          std::string_view many) {
        if (!names.empty())
            lines.push_back(fmt::format("{} {}", names_text(names, kNamesInText, ", "),
                                        names.size() == 1 ? one : many));
    };
    const auto& timeline = change.timeline;
    if (timeline.before) tell(timeline.come, "comes", "come");
    if (timeline.after)
        tell(timeline.leave, "leaves: what is there stays", "leave: what is there stays");
    tell(timeline.away, "is away", "are away");
    return lines;
}

std::vector<std::string> caveats(const PlanReport& report) {
    std::vector<std::string> lines;
    if (std::ranges::any_of(report.changes, [](const auto& each) { return main_release(each); }))
        lines.push_back(
            report.learnt.empty()
                ? fmt::format("how long actions take is assumed: {} each",
                              format_duration(limits::kForecastDuration))
                : fmt::format(
                      "times are those of former releases of {}; others are assumed: {} for "
                      "each action",
                      names_text(report.learnt, kNamesInText, ", "),
                      format_duration(limits::kForecastDuration)));
    if (report.cut != forecast::Cut::none)
        lines.push_back(fmt::format("the forecast was cut at {}: {}", instant_text(report.cut_at),
                                    report.cut == forecast::Cut::span
                                        ? "more than a year ahead"
                                        : "it took more than its second of computing"));
    return lines;
}

}  // namespace tidegate::cli
