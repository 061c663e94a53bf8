#include "cli/fields.h"
#include "cli/plan_words.h"
#include "schema/base/limits.h"

namespace tidegate::cli {
namespace {

constexpr std::size_t kNamesInMarkdown = 10;
constexpr std::size_t kNotesBytes = 4'000;
constexpr std::size_t kTableBytes = 16'000;
constexpr std::size_t kFindingsBytes = 5'000;  ///< of errors, and of warnings
/// Kept free for what closes the page: findings, caveats, and that something was left out.
constexpr std::size_t kClosingBytes = 2 * kFindingsBytes + 2'000;
/// Of what a user wrote, in one place.
constexpr std::size_t kQuotedBytes = 300;

/// Text of the user inside a Markdown table or list, and not more of it than people read.
std::string escaped(std::string_view text) {
    std::string result;
    const auto cut = text.substr(0, kQuotedBytes);
    for (const char byte : clean(cut)) {
        if (std::string_view{"\\|`*_<>[]#@"}.find(byte) != std::string_view::npos) result += '\\';
        result += byte;
    }
    return cut.size() < text.size() ? result + "…" : result;
}

/// As many lines as there is room for, and how many more there are.
class Lines {
public:
    explicit Lines(std::size_t bytes_max) : bytes_max_{bytes_max} {}

    void add(const std::string& line) {
        if (left_out_ > 0 || text_.size() + line.size() > bytes_max_)
            ++left_out_;
        else
            text_ += line;
    }
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] std::size_t left_out() const { return left_out_; }

private:
    std::size_t bytes_max_;
    std::string text_;
    std::size_t left_out_ = 0;
};

std::string cells(const std::vector<std::string>& texts) {
    std::string row = "|";
    for (const auto& text : texts) row += ' ' + text + " |";
    return row + '\n';
}

/// The first one; the details have all.
std::string cause_text(const PlannedChange& change) {
    if (change.causes.empty()) return "";
    const auto& first = change.causes.front();
    const auto more = change.causes.size() - 1;
    return fmt::format("{}: {}{}", first.path, keys_text(first),
                       more == 0 ? "" : " and " + counted(more, "more file", "more files"));
}

std::string or_dash(const std::string& text) { return text.empty() ? "–" : escaped(text); }

std::string row_of(const PlanReport& report, const PlannedChange& change) {
    const auto moving = moving_targets(change);
    return cells({"**" + escaped(change.timeline.key.text()) + "**", escaped(kind_text(change)),
                  escaped(versions_text(change)), moving == 0 ? "–" : std::to_string(moving),
                  or_dash(start_text(report, change)), or_dash(length_text(change)),
                  or_dash(gates_text(report, change)), or_dash(cause_text(change))});
}

std::string table_of(const PlanReport& report) {
    auto text = cells({"assignment", "release", "version", "targets", "starts", "takes", "held by",
                       "because"}) +
                "|---|---|---|--:|---|---|---|---|\n";
    Lines rows{kTableBytes};
    for (const auto& change : report.changes) rows.add(row_of(report, change));
    text += rows.text();
    if (rows.left_out() > 0)
        text += cells({fmt::format("*and {} more*", rows.left_out()), "", "", "", "", "", "", ""});
    return text;
}

std::string steps_of(const PlannedChange& change) {
    const auto* timeline = change.timeline.first();
    if (!timeline || timeline->release.steps.empty()) return "";
    constexpr std::size_t kStepsMax = 60;
    const bool undoes = change.timeline.undo && goes_back(*change.timeline.undo);
    const auto row = [&](std::vector<std::string> texts) {
        if (!undoes) texts.erase(texts.begin() + 4);
        return cells(texts);
    };
    auto text = row({"step", "does", "begins", "takes", "if it fails", "targets"}) +
                row({"--:", "---", "---", "---", "---", "---"});
    const auto lines = step_lines(change);
    for (std::size_t i = 0; i < lines.size() && i < kStepsMax; ++i)
        text += row({escaped(lines[i].number), escaped(lines[i].does), escaped(lines[i].begins),
                     escaped(lines[i].takes), or_dash(lines[i].undoes),
                     or_dash(names_text(*lines[i].targets, kNamesInMarkdown, ", "))});
    if (lines.size() > kStepsMax)
        text += cells(
            {"…", fmt::format("*and {} more steps*", lines.size() - kStepsMax), "", "", "", ""});
    return text + '\n';
}

std::string way_back_of(const PlanReport& report, const PlannedChange& change) {
    const auto lines = back_lines(report, change);
    if (lines.empty()) return "";
    const bool is_over = !lines.front().status.empty();
    const auto row = [&](std::vector<std::string> texts) {
        if (!is_over) texts.erase(texts.begin() + 2);
        return cells(texts);
    };
    auto text = row({"way back", "does", "status", "targets"}) + row({"--:", "---", "---", "---"});
    for (const auto& line : lines)
        text += row({line.number, escaped(line.does), escaped(line.status),
                     or_dash(names_text(*line.targets, kNamesInMarkdown, ", "))});
    return text + '\n';
}

std::string details_of(const PlanReport& report, const PlannedChange& change) {
    const auto* release = main_release(change);
    auto text = fmt::format("<details><summary><b>{}</b>: {}</summary>\n\n",
                            escaped(change.timeline.key.text()),
                            release ? fmt::format("{}, {}", escaped(to_string(release->strategy)),
                                                  counted(release->steps.size(), "step", "steps"))
                                    : kind_text(change));
    text += steps_of(change) + way_back_of(report, change);
    for (const auto& file : change.causes)
        text += fmt::format("- **because** `{}`: {}\n", clean(file.path), escaped(keys_text(file)));
    for (const auto& hold : hold_lines(report, change))
        text += fmt::format("- **held by {}** {}: {}\n", escaped(hold.gate), escaped(hold.when),
                            escaped(hold.reason));
    for (const auto& line : outcome_lines(report, change))
        text += fmt::format("- **{}** {}\n", report.simulated ? "outcome:" : "then", escaped(line));
    for (const auto& line : fleet_lines(change)) text += "- " + escaped(line) + '\n';
    if (change.timeline.undo)
        text += "- **undo**: " + escaped(undo_text(*change.timeline.undo)) + '\n';
    for (const auto& note : change.notes) text += "- " + escaped(note) + '\n';
    return text + "\n</details>\n";
}

std::string findings_part(std::string_view title, const std::vector<Error>& findings) {
    if (findings.empty()) return "";
    Lines lines{kFindingsBytes};
    for (const auto& finding : findings) lines.add("- " + escaped(finding.text()) + '\n');
    const auto more = lines.left_out() == 0 ? "" : fmt::format("- and {} more\n", lines.left_out());
    return fmt::format("\n**{}**\n\n{}{}", title, lines.text(), more);
}

/// What comes first is worth most: errors before times.
std::string closing_of(const PlanReport& report) {
    auto text = findings_part("Errors: these hold what they are in", report.errors) +
                findings_part("Warnings", report.warnings);
    text +=
        fmt::format("\n<sub>`{}..{}`, {} at {}",
                    report.base.empty() ? "" : short_commit(report.base), short_commit(report.head),
                    report.simulated ? "simulated" : "planned", instant_text(report.at));
    for (const auto& line : caveats(report)) text += "; " + escaped(line);
    return text + "</sub>\n";
}

}  // namespace

void print_plan_markdown(const Console& console, const PlanReport& report) {
    Lines notes{kNotesBytes};
    for (const auto& note : report.notes) notes.add('\n' + escaped(note) + '\n');
    for (const auto& failure : report.failures)
        notes.add("\nAssumed to fail: " + escaped(failure) + '\n');
    auto text = fmt::format("### Tidegate: {}\n{}", escaped(summary_of(report)), notes.text());
    if (!report.changes.empty()) text += '\n' + table_of(report) + '\n';
    Lines details{limits::kForecastMarkdownBytesMax - kClosingBytes - text.size()};
    for (const auto& change : report.changes) details.add(details_of(report, change));
    text += details.text();
    if (details.left_out() > 0)
        text += fmt::format("\nThe details of {} are left out here; `tidegate plan` shows them.\n",
                            counted(details.left_out(), "assignment", "assignments"));
    const auto closing = closing_of(report);
    console.out << text << closing;
}

}  // namespace tidegate::cli
