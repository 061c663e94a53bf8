#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/fields.h"
#include "cli/plan.h"
#include "cli/validate.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

json instant(const std::optional<Timestamp>& at) { return at ? json(format_rfc3339(*at)) : json{}; }

std::string kind_of(const PlannedChange& change) {
    if (change.removed) return "removed";
    return change.plan.steps.empty() ? "no deployment" : std::string{to_string(change.plan.kind)};
}

std::string versions_of(const PlannedChange& change) {
    const auto from = change.from.empty() ? "nothing" : change.from;
    if (change.removed) return from + " -> (removed)";
    return fmt::format("{} -> {}", from,
                       change.plan.kind == ReleaseKind::uninstall ? "absent" : change.plan.version);
}

/// No earlier than this can each step begin: waits and verify times are certain, work is not.
std::vector<std::optional<Timestamp>> step_times(const PlannedChange& change) {
    std::vector<std::optional<Timestamp>> times;
    auto next = change.starts;
    for (const auto& step : change.plan.steps) {
        if (next) *next += step.wait_before;
        times.push_back(next);
        if (next) *next += step.verify_duration;
    }
    return times;
}

std::string end_of(const Hold& hold) {
    return hold.until ? with_local(format_rfc3339(*hold.until), hold.until_local) : "";
}

std::string start_text(const PlanReport& report, const PlannedChange& change) {
    if (change.plan.steps.empty()) return "nothing to deploy";
    if (!change.starts) return "starts after a person acts";
    if (*change.starts == report.at) return "starts at once";
    const auto last = std::ranges::find(change.plan.holds, change.starts, &Hold::until);
    return "starts not before " +
           (last != change.plan.holds.end() ? end_of(*last) : format_rfc3339(*change.starts));
}

std::string waits_of(const Step& step) {
    std::string text;
    if (step.wait_before.count() > 0) text = "wait " + format_duration(step.wait_before);
    if (step.verify_duration.count() > 0)
        text += (text.empty() ? "" : ", ") + ("verify " + format_duration(step.verify_duration));
    return text;
}

json steps_json(const PlannedChange& change) {
    auto items = json::array();
    const auto times = step_times(change);
    for (std::size_t i = 0; i < times.size(); ++i) {
        const auto& step = change.plan.steps[i];
        items.push_back({{"index", step.index},
                         {"kind", to_string(step.kind)},
                         {"targets", step.targets},
                         {"required", step.required},
                         {"wait_before", step.wait_before.count()},
                         {"verify_duration", step.verify_duration.count()},
                         {"earliest_at", instant(times[i])}});
    }
    return items;
}

json change_json(const PlannedChange& change) {
    auto targets = json::array();
    for (const auto& target : change.plan.targets)
        targets.push_back({{"name", target.name},
                           {"state", to_string(target.state)},
                           {"from", target.from.empty() ? json{} : json(target.from)},
                           {"to", target.to}});
    auto holds = json::array();
    for (const auto& hold : change.plan.holds)
        holds.push_back(
            {{"gate", hold.gate},
             {"reason", hold.reason},
             {"until", instant(hold.until)},
             {"until_local", hold.until_local.empty() ? json{} : json(hold.until_local)}});
    return {{"project", change.plan.key.project},
            {"environment", change.plan.key.environment},
            {"kind", change.plan.steps.empty() ? json{} : json(to_string(change.plan.kind))},
            {"removed", change.removed},
            {"from", change.from.empty() ? json{} : json(change.from)},
            {"to", change.removed ? json{} : json(change.plan.version)},
            {"digest", change.plan.digest.hex()},
            {"strategy", to_string(change.plan.strategy)},
            {"starts_at", change.plan.steps.empty() ? json{} : instant(change.starts)},
            {"steps", steps_json(change)},
            {"targets", std::move(targets)},
            {"holds", std::move(holds)},
            {"notes", change.notes}};
}

void print_json(const Console& console, const PlanReport& report) {
    auto changes = json::array();
    for (const auto& change : report.changes) changes.push_back(change_json(change));
    console.print({{"base", report.base},
                   {"head", report.head},
                   {"at", format_rfc3339(report.at)},
                   {"changes", std::move(changes)},
                   {"errors", findings_json(report.errors)},
                   {"warnings", findings_json(report.warnings)},
                   {"notes", report.notes}});
}

void print_change(const Console& console, const PlanReport& report, const PlannedChange& change) {
    console.out << '\n'
                << console.styled(Style::bold, change.plan.key.text()) << "  " << kind_of(change)
                << "  " << clean(versions_of(change)) << '\n';
    if (!change.removed)
        console.out << fmt::format("  strategy {}, {}\n", to_string(change.plan.strategy),
                                   start_text(report, change));
    Table steps{{"STEP", "KIND", "NOT BEFORE", "WAITS", "TARGETS"}};
    const auto times = step_times(change);
    for (std::size_t i = 0; i < times.size(); ++i) {
        const auto& step = change.plan.steps[i];
        steps.add({std::to_string(step.index), std::string{to_string(step.kind)},
                   times[i] ? format_rfc3339(*times[i]) : "-", waits_of(step),
                   fmt::format("{}", fmt::join(step.targets, " "))});
    }
    if (!steps.empty()) steps.print(console, "  ");
    Table holds{{"HELD BY", "UNTIL", "REASON"}};
    for (const auto& hold : change.plan.holds)
        holds.add({console.styled(Style::yellow, hold.gate),
                   hold.until ? end_of(hold) : "not known", clean(hold.reason)});
    if (!holds.empty()) holds.print(console, "  ");
    for (const auto& note : change.notes) console.out << "  note: " << clean(note) << '\n';
}

void print_text(const Console& console, const PlanReport& report) {
    console.out << fmt::format("plan {}..{}: {} assignment{} changed\n", short_commit(report.base),
                               short_commit(report.head), report.changes.size(),
                               report.changes.size() == 1 ? "" : "s");
    for (const auto& note : report.notes) console.out << "note: " << clean(note) << '\n';
    for (const auto& change : report.changes) print_change(console, report, change);
    if (!report.errors.empty() || !report.warnings.empty()) console.out << '\n';
    print_findings(console, Style::red, "error:", report.errors);
    print_findings(console, Style::yellow, "warning:", report.warnings);
}

/// Text of the user inside a Markdown table or list.
std::string escaped(std::string_view text) {
    std::string result;
    for (const char byte : clean(text)) {
        if (std::string_view{"\\|`*_<>[]#@"}.find(byte) != std::string_view::npos) result += '\\';
        result += byte;
    }
    return result;
}

void print_change_markdown(const Console& console, const PlanReport& report,
                           const PlannedChange& change) {
    auto& out = console.out;
    out << fmt::format("\n#### {}: {}, {}\n\n", escaped(change.plan.key.text()),
                       escaped(versions_of(change)), escaped(kind_of(change)));
    if (!change.removed)
        out << fmt::format("Strategy **{}**, **{}**.\n", escaped(to_string(change.plan.strategy)),
                           start_text(report, change));
    const auto times = step_times(change);
    if (!times.empty())
        out << "\n| step | kind | not before | waits | targets |\n|---|---|---|---|---|\n";
    for (std::size_t i = 0; i < times.size(); ++i) {
        const auto& step = change.plan.steps[i];
        out << fmt::format("| {} | {} | {} | {} | {} |\n", step.index, to_string(step.kind),
                           times[i] ? format_rfc3339(*times[i]) : "", waits_of(step),
                           escaped(fmt::format("{}", fmt::join(step.targets, ", "))));
    }
    if (!change.plan.holds.empty() || !change.notes.empty()) out << '\n';
    for (const auto& hold : change.plan.holds)
        out << fmt::format("- held by **{}** {}: {}\n", escaped(hold.gate),
                           hold.until ? "until " + end_of(hold) : "(end not known)",
                           escaped(hold.reason));
    for (const auto& note : change.notes) out << "- " << escaped(note) << '\n';
}

void print_markdown(const Console& console, const PlanReport& report) {
    auto& out = console.out;
    out << fmt::format("### Tidegate plan `{}`..`{}`\n\n", short_commit(report.base),
                       short_commit(report.head));
    out << (report.changes.empty()
                ? "No assignment changes.\n"
                : fmt::format("{} assignment(s) change.\n", report.changes.size()));
    for (const auto& note : report.notes) out << "\n" << escaped(note) << '\n';
    for (const auto& change : report.changes) print_change_markdown(console, report, change);
    for (const auto& [title, findings] :
         {std::pair{"Errors", &report.errors}, std::pair{"Warnings", &report.warnings}}) {
        if (findings->empty()) continue;
        out << fmt::format("\n#### {}\n\n", title);
        for (const auto& finding : *findings) out << "- " << escaped(finding.text()) << '\n';
    }
}

}  // namespace

void print_plan(const Console& console, const PlanReport& report) {
    if (console.format == Format::json) return print_json(console, report);
    if (console.format == Format::markdown) return print_markdown(console, report);
    print_text(console, report);
}

}  // namespace tidegate::cli
