#include "cli/fields.h"
#include "cli/plan_words.h"
#include "cli/validate.h"

namespace tidegate::cli {
namespace {

constexpr std::size_t kTargetsInRow = 8;

/// `  because  …`: a word, and what is told of it, the lines below one another.
void print_told(const Console& console, std::string_view word,
                const std::vector<std::string>& lines) {
    constexpr std::size_t kWidth = 10;
    bool first = true;
    for (const auto& line : lines) {
        const std::string head{first ? word : ""};
        console.out << "  "
                    << console.styled(Style::dim, head + std::string(kWidth - head.size(), ' '))
                    << clean(line) << '\n';
        first = false;
    }
}

std::vector<std::string> cause_lines(const PlannedChange& change) {
    std::vector<std::string> lines;
    for (const auto& file : change.causes) lines.push_back(file.path + ": " + keys_text(file));
    return lines;
}

void print_steps(const Console& console, const PlannedChange& change) {
    const auto* timeline = change.timeline.first();
    if (!timeline || timeline->release.steps.empty()) return;
    console.out << '\n';
    const bool undoes = change.timeline.undo && goes_back(*change.timeline.undo);
    Table steps{undoes ? std::vector<std::string>{"STEP", "DOES", "BEGINS", "TAKES", "IF IT FAILS",
                                                  "TARGETS"}
                       : std::vector<std::string>{"STEP", "DOES", "BEGINS", "TAKES", "TARGETS"}};
    for (const auto& line : step_lines(change)) {
        std::vector<std::string> row{line.number, line.does, line.begins, line.takes};
        if (undoes) row.push_back(line.undoes);
        row.push_back(names_text(*line.targets, kTargetsInRow, " "));
        steps.add(std::move(row));
    }
    steps.print(console, "  ");
}

void print_way_back(const Console& console, const PlanReport& report, const PlannedChange& change) {
    const auto lines = back_lines(report, change);
    if (lines.empty()) return;
    console.out << '\n';
    const bool is_over = !lines.front().status.empty();
    Table steps{is_over ? std::vector<std::string>{"WAY BACK", "DOES", "STATUS", "TARGETS"}
                        : std::vector<std::string>{"WAY BACK", "DOES", "TARGETS"}};
    for (const auto& line : lines) {
        std::vector<std::string> row{line.number, line.does};
        if (is_over) row.push_back(line.status);
        row.push_back(names_text(*line.targets, kTargetsInRow, " "));
        steps.add(std::move(row));
    }
    steps.print(console, "  ");
}

void print_planned(const Console& console, const PlanReport& report, const PlannedChange& change) {
    const auto kind = kind_text(change);
    const auto* release = main_release(change);
    console.out << fmt::format(
        "\n{}  {}  {}{}\n", console.styled(Style::bold, clean(change.timeline.key.text())),
        console.styled(release ? Style::green : Style::dim, kind), clean(versions_text(change)),
        release ? fmt::format("  ({})", to_string(release->strategy)) : "");
    print_told(console, "because", cause_lines(change));
    if (release) print_told(console, "starts", {start_text(report, change)});
    std::vector<std::string> holds;
    for (const auto& line : hold_lines(report, change))
        holds.push_back(fmt::format("{} {}: {}", line.gate, line.when, line.reason));
    print_told(console, "held by", holds);
    if (const auto length = length_text(change); !length.empty())
        print_told(console, "takes", {length});
    print_told(console, report.simulated ? "outcome" : "then", outcome_lines(report, change));
    if (change.timeline.undo) print_told(console, "undo", {undo_text(*change.timeline.undo)});
    print_told(console, "targets", fleet_lines(change));
    print_told(console, "note", change.notes);
    print_steps(console, change);
    print_way_back(console, report, change);
}

}  // namespace

void print_plan_text(const Console& console, const PlanReport& report) {
    const auto base = report.base.empty() ? std::string{"nothing"} : short_commit(report.base);
    console.out << fmt::format("{} {}..{}: {}\n", report.simulated ? "simulate" : "plan", base,
                               short_commit(report.head), clean(summary_of(report)));
    for (const auto& note : report.notes) console.out << "note: " << clean(note) << '\n';
    for (const auto& failure : report.failures)
        console.out << "assumed to fail: " << clean(failure) << '\n';
    for (const auto& change : report.changes) print_planned(console, report, change);
    const auto told = caveats(report);
    if (!told.empty()) console.out << '\n';
    for (const auto& line : told) console.out << console.styled(Style::dim, clean(line)) << '\n';
    if (!report.errors.empty() || !report.warnings.empty()) console.out << '\n';
    print_findings(console, Style::red, "error:", report.errors);
    print_findings(console, Style::yellow, "warning:", report.warnings);
}

}  // namespace tidegate::cli
