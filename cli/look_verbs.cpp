#include "cli/look_verbs.h"

#include <algorithm>
#include <functional>
#include <set>

#include "cli/explain.h"
#include "cli/fields.h"
#include "cli/http_client.h"
#include "schema/base/utf8.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kWholeLogsBytesMax = 64 << 20;  ///< in one JSON value

constexpr std::size_t kWarningsShown = 5;

bool is_active(const std::string& status) {
    return status == "running" || status == "paused" || status == "rolling_back";
}

/// What concerns the whole commit comes first.
void print_warnings(const Console& console, const json& warnings) {
    const auto shown = std::min(warnings.size(), kWarningsShown);
    for (std::size_t i = 0; i < shown; ++i)
        console.out << "          " << console.styled(Style::yellow, "warning:") << ' '
                    << finding_line(warnings[i]) << '\n';
    if (warnings.size() > shown)
        console.out << fmt::format("          {} more: tidegate validate\n",
                                   warnings.size() - shown);
}

void print_config(const Console& console, const json& config) {
    const auto& accepted = member(config, "accepted");
    const auto& tip = member(config, "tip");
    const auto state = text_of(tip, "state", "unknown");
    const auto style = state == "accepted" ? Style::green : Style::red;
    console.out << "config    " << console.styled(style, state) << "  accepted "
                << commit_of(accepted, "nothing yet") << "  tip " << commit_of(tip, "not seen yet")
                << '\n';
    if (const auto trouble = text_of(config, "poll_error"); !trouble.empty())
        console.out << "          " << console.styled(Style::red, trouble) << '\n';
    for (const auto& error : list_of(tip, "errors"))
        console.out << "          " << finding_line(error) << '\n';
    print_warnings(console, list_of(tip, "warnings"));
    console.out << '\n';
}

std::string targets_of(const json& counts) {
    const auto away = number_of(counts, "offline");
    return fmt::format("{}/{}{}", number_of(counts, "in_sync"), number_of(counts, "total"),
                       away > 0 ? fmt::format(", {} away", away) : "");
}

void print_assignments(const Console& console, const json& items) {
    Table table{{"ENVIRONMENT", "PROJECT", "VERSION", "SYNC", "TARGETS", "LAST GOOD", "HOLDS"}};
    for (const auto& item : items) {
        const auto& targets = member(item, "targets");
        const auto sync = text_of(item, "sync", "unknown");
        std::string holds;
        for (const auto& hold : list_of(item, "holds"))
            holds += (holds.empty() ? "" : ", ") + text_of(hold, "gate");
        table.add({text_of(item, "environment"), text_of(item, "project"),
                   text_of(member(item, "desired"), "version", "-"),
                   console.styled(style_of_sync(sync), sync), targets_of(targets),
                   good_version(member(item, "last_good"), "-"), holds});
    }
    if (table.empty())
        console.out << "no assignments\n";
    else
        table.print(console);
}

/// A release that went well without some targets is over, and shows nowhere else here.
void print_behind(const Console& console, const json& items) {
    const char* gap = "\n";
    for (const auto& item : items) {
        const auto since = text_of(item, "behind_since");
        if (since.empty()) continue;
        console.out << gap
                    << fmt::format("behind    {0}/{1}, since {2}: tidegate explain {1} {0}\n",
                                   text_of(item, "environment"), text_of(item, "project"), since);
        gap = "";
    }
}

void print_releases(const Console& console, const json& releases) {
    Table table{{"RELEASE", "ASSIGNMENT", "KIND", "FROM", "TO", "STATUS", "CREATED", "REASON"}};
    for (const auto& release : releases) {
        const auto status = text_of(release, "status");
        table.add({text_of(release, "id"),
                   text_of(release, "environment") + '/' + text_of(release, "project"),
                   text_of(release, "kind"), text_of(release, "from", "-"),
                   text_of(release, "to", "-"), console.styled(style_of_release(status), status),
                   text_of(release, "created_at"), text_of(release, "reason")});
    }
    table.print(console);
}

Result<json> active_releases(const std::string& server) {
    auto active = json::array();
    for (const auto* status : {"running", "paused", "rolling_back"})
        for (const auto& release :
             TRY(get_items(server, fmt::format("/api/release/deploys?status={}", status))))
            if (is_active(text_of(release, "status"))) active.push_back(release);
    return active;
}

Result<json> status_of(const std::string& server) {
    json status;
    status["config"] = TRY(get_json(server, "/api/release/config"));
    status["assignments"] = TRY(get_items(server, "/api/release/assignments"));
    status["active_releases"] = TRY(active_releases(server));
    return status;
}

void print_log(const Console& console, const json& entry) {
    const auto error = lines_of(entry, "error");
    console.out << console.styled(Style::bold,
                                  fmt::format("{} {}/{} ({})", text_of(entry, "target"),
                                              text_of(entry, "stage"), text_of(entry, "task"),
                                              text_of(entry, "type")))
                << ' ' << text_of(entry, "status") << '\n';
    const auto output = lines_of(entry, "output");
    console.out << output << (output.empty() || output.ends_with('\n') ? "" : "\n");
    if (!error.empty()) console.out << console.styled(Style::red, error) << '\n';
}

std::string path_of(const LogsOptions& options) {
    return "/api/release/deploys/" + percent_encoded(options.release);
}

/// A target on which nothing ran is known all the same.
Result<void> check_target(const LogsOptions& options) {
    const auto release = TRY(get_json(options.server, path_of(options)));
    for (const auto& target : list_of(release, "targets"))
        if (text_of(target, "name") == options.target) return {};
    return fail(ErrorCode::not_found, "no such target in release {}: {}", options.release,
                options.target);
}

Result<json> entries_of(const LogsOptions& options) {
    auto shown = json::array();
    for (auto& entry : TRY(get_items(options.server, path_of(options) + "/logs")))
        if (options.target.empty() || text_of(entry, "target") == options.target)
            shown.push_back(std::move(entry));
    if (shown.empty() && !options.target.empty()) CHECK(check_target(options));
    return shown;
}

/// Hands on the log of each action once, as it comes; its text is null where the daemon does not
/// have it (yet, or any more).
Result<void> each_whole_log(const LogsOptions& options, const json& entries,
                            const std::function<Result<void>(json)>& use) {
    std::set<std::string> seen;
    for (const auto& entry : entries) {
        const auto action = text_of(entry, "action");
        if (action.empty() || !seen.insert(action).second) continue;
        auto text =
            get_text(options.server, path_of(options) + "/logs?action=" + percent_encoded(action));
        if (!text && text.error().code != ErrorCode::not_found) return fail(text.error());
        CHECK(use({{"target", text_of(entry, "target")},
                   {"action", action},
                   {"text", text ? json(*std::move(text)) : json()}}));
    }
    return {};
}

/// One JSON value cannot be printed before its end is known.
Result<json> whole_logs(const LogsOptions& options, const json& entries) {
    auto logs = json::array();
    std::size_t bytes = 0;
    CHECK(each_whole_log(options, entries, [&](json log) -> Result<void> {
        if (const auto& text = log["text"]; text.is_string())
            bytes += text.get_ref<const std::string&>().size();
        if (bytes > kWholeLogsBytesMax)
            return fail(ErrorCode::exhausted,
                        "the logs are more than {} MiB, too much for one JSON value: ask for one "
                        "--target, or for text",
                        kWholeLogsBytesMax >> 20);
        logs.push_back(std::move(log));
        return {};
    }));
    return logs;
}

void print_whole_log(const Console& console, const json& log) {
    console.out << console.styled(Style::bold, fmt::format("{} action {}", text_of(log, "target"),
                                                           text_of(log, "action")))
                << '\n';
    const auto text = lines_of(log, "text", "the daemon does not have its log");
    console.out << text << (text.ends_with('\n') ? "" : "\n");
}

/// Of a whole fleet they do not fit into memory: text goes out as it comes.
Result<void> print_whole_logs(const Console& console, const LogsOptions& options,
                              const json& entries) {
    if (console.format == Format::json) {
        const auto logs = TRY(whole_logs(options, entries));
        console.print({{"items", entries}, {"logs", logs}});
        return {};
    }
    return each_whole_log(options, entries, [&](const json& log) -> Result<void> {
        print_whole_log(console, log);
        return {};
    });
}

void print_line(const Console& console, const json& line) {
    console.out << escape_unseen(line.dump(-1, ' ', false, json::error_handler_t::replace))
                << std::endl;
}

void print_change(const Console& console, const std::string& name, const json& data,
                  const std::string& going_back) {
    const auto sync = name == "removed" ? "removed" : text_of(data, "sync", name);
    const auto& targets = member(data, "targets");
    console.out << fmt::format("{}/{}", text_of(data, "environment"), text_of(data, "project"))
                << "  " << text_of(member(data, "desired"), "version", "-") << "  "
                << console.styled(style_of_sync(sync), sync) << "  "
                << number_of(targets, "in_sync") << '/' << number_of(targets, "total");
    if (const auto weights = weights_text(member(data, "sides")); !weights.empty())
        console.out << "  " << weights;
    for (const auto& hold : list_of(data, "holds"))
        console.out << "  " << text_of(hold, "gate") << ": " << text_of(hold, "reason");
    if (!going_back.empty()) console.out << "  goes back: " << going_back;
    console.out << std::endl;
}

/// What a rollback does now; empty: nothing of it goes back. It does not stand in the event: asked
/// for while a release is under way.
std::string going_back(const std::string& server, const json& data) {
    const auto id = text_of(data, "release");
    if (id.empty()) return {};
    const auto seen =
        get_json(server, fmt::format("/api/release/deploys/{}/status", percent_encoded(id)));
    if (!seen || text_of(*seen, "status") != "rolling_back") return {};
    for (const auto& step : list_of(member(*seen, "rollback"), "steps"))
        if (const auto status = text_of(step, "status"); status == "running" || status == "pending")
            return fmt::format("{} {}, {} of {}", number_of(step, "index"), text_of(step, "does"),
                               number_of(step, "done"), number_of(step, "all"));
    return {};
}

}  // namespace

int status(const Console& console, const std::string& server) {
    const auto seen = status_of(server);
    if (!seen) return report(console, seen.error());
    if (console.format == Format::json) {
        console.print(*seen);
        return kGood;
    }
    print_config(console, (*seen)["config"]);
    print_assignments(console, (*seen)["assignments"]);
    print_behind(console, (*seen)["assignments"]);
    if (!(*seen)["active_releases"].empty()) {
        console.out << '\n';
        print_releases(console, (*seen)["active_releases"]);
    }
    return kGood;
}

int history(const Console& console, const HistoryOptions& options) {
    const auto releases =
        get_items(options.server, fmt::format("/api/release/deploys?project={}&environment={}",
                                              percent_encoded(options.project),
                                              percent_encoded(options.environment)));
    if (!releases) return report(console, releases.error());
    if (console.format == Format::json)
        console.print({{"items", *releases}});
    else if (releases->empty())
        console.out << "no releases\n";
    else
        print_releases(console, *releases);
    return kGood;
}

int logs(const Console& console, const LogsOptions& options) {
    const auto shown = entries_of(options);
    if (!shown) return report(console, shown.error());
    if (options.full) {
        const auto done = print_whole_logs(console, options, *shown);
        return done ? kGood : report(console, done.error());
    }
    if (console.format == Format::json)
        console.print({{"items", *shown}});
    else
        for (const auto& entry : *shown) print_log(console, entry);
    return kGood;
}

int watch(const Console& console, const std::string& server) {
    const bool lines = console.format == Format::json;
    const auto show = [&](const std::string& name, const json& data) {
        if (lines)
            print_line(console, {{"event", name}, {"data", data}});
        else
            print_change(console, name, data, going_back(server, data));
        return console.out.good();
    };
    const auto ended = follow_events(server, "/api/release/assignments/watch", show);
    if (ended) return kGood;
    if (lines) print_line(console, error_json(ended.error()));
    return report({console.out, console.err, Format::text, console.colour}, ended.error());
}

}  // namespace tidegate::cli
