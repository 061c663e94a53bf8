#include "cli/explain.h"

#include "cli/fields.h"
#include "cli/http_client.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

Result<json> find_assignment(const ExplainOptions& options) {
    for (auto& item : TRY(get_items(options.server, "/api/release/assignments")))
        if (text_of(item, "project") == options.project &&
            text_of(item, "environment") == options.environment)
            return std::move(item);
    return fail(
        ErrorCode::not_found,
        "there is no assignment {1}/{0}: versions/{1}/{0}.yaml is not in the accepted commit",
        options.project, options.environment);
}

/// The one that runs or waits, else the newest; null without any.
Result<json> find_release(const ExplainOptions& options, const json& assignment) {
    auto id = text_of(assignment, "release");
    if (id.empty()) {
        const auto newest = TRY(get_json(
            options.server,
            fmt::format("/api/release/deploys?project={}&environment={}&limit=1",
                        percent_encoded(options.project), percent_encoded(options.environment))));
        if (list_of(newest, "items").empty()) return json{};
        id = text_of(list_of(newest, "items").front(), "id");
    }
    auto release = get_json(options.server, "/api/release/deploys/" + percent_encoded(id));
    if (!release && release.error().code == ErrorCode::not_found) return json{};
    return release;
}

std::string way_back(const ExplainOptions& options, const json& assignment) {
    const auto good = good_version(member(assignment, "last_good"), "");
    if (good == kAbsent) return {};
    if (good.empty() || good == text_of(member(assignment, "desired"), "version")) return {};
    return fmt::format("tidegate rollback {} {} --repo REPO --to {} --reason TEXT", options.project,
                       options.environment, good);
}

Result<json> facts_of(const ExplainOptions& options) {
    json facts;
    facts["assignment"] = TRY(find_assignment(options));
    facts["config"] = TRY(get_json(options.server, "/api/release/config"));
    facts["release"] = TRY(find_release(options, facts["assignment"]));
    const auto back = way_back(options, facts["assignment"]);
    facts["get_back"] = back.empty() ? json{} : json(back);
    return facts;
}

std::string joined(const json& names) {
    std::string line;
    for (const auto& name : names)
        if (name.is_string()) line += (line.empty() ? "" : " ") + clean(name.get<std::string>());
    return line;
}

void add(std::string& text, const std::string& part) {
    if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
}

void print_drift(const Console& console, const json& notes) {
    for (const auto& note : notes) {
        const auto& drifted = member(note, "drifted");
        const bool known = drifted.is_boolean() && drifted.get<bool>();
        console.out << fmt::format("drift      {}: {}{}\n", text_of(note, "target"),
                                   known ? "" : "nobody can tell: ", text_of(note, "reason"));
    }
}

void print_desired(const Console& console, const json& item) {
    const auto& desired = member(item, "desired");
    const auto& targets = member(item, "targets");
    if (text_of(desired, "commit").empty()) {
        console.out << "desired    nothing: it is no longer in Git\n";
        return;
    }
    console.out << fmt::format("desired    {}  digest {}  commit {}\n",
                               text_of(desired, "version", "-"),
                               text_of(desired, "digest").substr(0, 12), commit_of(desired, "-"));
    if (number_of(targets, "total") == 0) {
        console.out << "targets    none\n";
        return;
    }
    console.out << fmt::format("targets    {} of {} in sync", number_of(targets, "in_sync"),
                               number_of(targets, "total"));
    for (const auto* state : {"updating", "failed", "offline", "drifted"})
        if (const auto count = number_of(targets, state); count > 0)
            console.out << fmt::format(", {} {}", count, state);
    console.out << '\n';
}

/// Where the traffic goes, and what its routers say.
void print_sides(const Console& console, const json& sides) {
    if (!sides.is_object()) return;
    auto line = "live " + text_of(sides, "live", "without a slot");
    add(line, weights_text(sides));
    if (const auto until = text_of(sides, "kept_until"); !until.empty())
        add(line, "the other slot is kept until " + until);
    if (const auto out = joined(list_of(sides, "out")); !out.empty())
        add(line, "none while it changes: " + out);
    console.out << "traffic    " << line << '\n';
    Table routers{{"ROUTER", "AGENT", "STATE", "WEIGHTS", "ERROR"}};
    for (const auto& router : list_of(sides, "routers")) {
        const bool in_force = member(router, "in_force") == true;
        const bool away = member(router, "online") == false;
        routers.add(
            {text_of(router, "target"), text_of(router, "agent"),
             console.styled(in_force ? Style::green : Style::yellow, away       ? "away"
                                                                     : in_force ? "in force"
                                                                                : "not in force"),
             weights_text(router), text_of(router, "error")});
    }
    if (!routers.empty()) routers.print(console, "  ");
}

void print_summary(const Console& console, const json& item, const std::string& back) {
    const auto& good = member(item, "last_good");
    const auto sync = text_of(item, "sync", "unknown");
    console.out << console.styled(Style::bold,
                                  text_of(item, "environment") + '/' + text_of(item, "project"))
                << "  " << console.styled(style_of_sync(sync), sync) << '\n';
    print_desired(console, item);
    console.out << "last good  " << good_version(good, "none yet");
    if (!good.is_null()) console.out << "  commit " << commit_of(good, "-");
    console.out << '\n';
    if (!back.empty()) console.out << "           get back: " << back << '\n';
    if (const auto note = text_of(item, "revert_note"); !note.empty())
        console.out << "revert     " << note << '\n';
    if (const auto since = text_of(item, "behind_since"); !since.empty())
        console.out << "behind     a target, since " << since << '\n';
    print_sides(console, member(item, "sides"));
    print_drift(console, list_of(item, "drift"));
    if (const auto orphaned = joined(list_of(item, "orphaned")); !orphaned.empty())
        console.out << "orphaned   " << orphaned << '\n';
}

void print_holds(const Console& console, const json& holds, std::string_view title) {
    if (holds.empty()) return;
    console.out << '\n' << title << '\n';
    Table table{{"GATE", "UNTIL", "REASON"}};
    for (const auto& hold : holds)
        table.add({console.styled(Style::yellow, text_of(hold, "gate")),
                   with_local(text_of(hold, "until", "not known"), text_of(hold, "until_local")),
                   text_of(hold, "reason")});
    table.print(console, "  ");
}

std::string entry_of(const json& step) {
    const auto entry = number_of(step, "entry");
    return entry > 0 ? fmt::format("{}", entry) : "-";
}

std::string through_text(const json& items, std::string_view through, std::string_view what) {
    const auto passed = std::ranges::count_if(
        items, [&](const json& item) { return text_of(item, "status") == through; });
    return items.empty() ? "" : fmt::format("{} of {} {}", passed, items.size(), what);
}

/// Those of a deploy step, as the release has them.
json targets_in(const json& release, const json& step) {
    const auto& names = list_of(step, "targets");
    auto targets = json::array();
    for (const auto& target : list_of(release, "targets"))
        if (std::ranges::count(names, member(target, "name")) > 0) targets.push_back(target);
    return targets;
}

std::string deploy_text(const json& release, const json& step) {
    const auto through = through_text(targets_in(release, step), "success", "deployed");
    return through + (through.empty() ? "" : ": ") + joined(list_of(step, "targets"));
}

std::string route_text(const json& step) {
    auto text = fmt::format("{} %", number_of(step, "weight"));
    const auto& routers = list_of(step, "routers");
    const auto in_force = std::ranges::count_if(
        routers, [](const json& router) { return member(router, "in_force") == true; });
    if (!routers.empty())
        add(text, fmt::format("{} of {} routers in force", in_force, routers.size()));
    return text;
}

/// How far a step is: whom it deploys to, whom it watches, which routers do as it says.
std::string progress_of(const json& release, const json& step) {
    const auto kind = text_of(step, "kind");
    const auto watched = through_text(list_of(step, "watched"), "success", "watched passed");
    if (kind == "route") return route_text(step);
    if (kind == "deploy") return deploy_text(release, step);
    std::string text;
    if (kind == "verify") add(text, format_duration(Seconds{number_of(step, "duration")}));
    if (kind == "await" && text_of(step, "status") == "running") add(text, "waits for a promote");
    add(text, watched);
    return text;
}

/// `2 of 3: web-1 web-2 web-3`; of one that has not begun only whom it is about.
std::string back_progress_of(const json& step) {
    auto text = joined(list_of(step, "targets"));
    const bool began = text_of(step, "status") != "pending";
    if (const auto all = number_of(step, "all"); began && all > 0)
        text = fmt::format("{} of {}{}{}", number_of(step, "done"), all,
                           text.empty() ? " routers" : ": ", text);
    return text;
}

bool is_going_back(const json& release) {
    const auto status = text_of(release, "status");
    return status == "rolling_back" || status == "rollback" || status == "failed";
}

void print_way_back(const Console& console, const json& release) {
    Table steps{{"STEP", "DOES", "STATUS", "PROGRESS"}};
    for (const auto& step : list_of(member(release, "rollback"), "steps"))
        steps.add({fmt::format("{}", number_of(step, "index")), text_of(step, "does"),
                   text_of(step, "status"), back_progress_of(step)});
    if (steps.empty()) return;
    console.out << (is_going_back(release) ? "\nway back\n" : "\nif it fails now\n");
    steps.print(console, "  ");
}

std::string in_slot(const json& release) {
    const auto slot = text_of(release, "slot");
    return slot.empty() ? "" : fmt::format("in {}  ", slot);
}

void print_release(const Console& console, const json& release) {
    const bool retires = text_of(release, "kind") == "retire";  // it goes, and nothing comes
    const auto status = text_of(release, "status");
    console.out << fmt::format("\nrelease    {}  {} {} -> {}  ", text_of(release, "id"),
                               text_of(release, "kind"),
                               text_of(release, retires ? "to" : "from", "nothing"),
                               retires ? "nothing" : text_of(release, "to", "nothing"))
                << in_slot(release) << console.styled(style_of_release(status), status) << '\n';
    if (const auto reason = text_of(release, "reason"); !reason.empty())
        console.out << "           " << reason << '\n';
    Table steps{{"STEP", "ENTRY", "KIND", "STATUS", "PROGRESS"}};
    for (const auto& step : list_of(release, "steps"))
        steps.add({fmt::format("{}", number_of(step, "index")), entry_of(step),
                   text_of(step, "kind"), text_of(step, "status"), progress_of(release, step)});
    if (!steps.empty()) steps.print(console, "  ");
    Table targets{{"TARGET", "STATUS", "FROM", "TO", "ERROR"}};
    for (const auto& target : list_of(release, "targets"))
        targets.add({text_of(target, "name"), text_of(target, "status"),
                     text_of(target, "from", "-"), text_of(target, "to", "-"),
                     text_of(target, "error")});
    if (!targets.empty()) targets.print(console, "  ");
    print_way_back(console, release);
}

}  // namespace

std::string weights_text(const json& side) {
    const auto& weights = member(side, "weights");
    if (!weights.is_object()) return {};
    std::string text;
    for (const auto& [slot, weight] : weights.items())
        text +=
            fmt::format("{}{} {} %", text.empty() ? "" : ", ",
                        slot.empty() ? "no slot" : clean(slot), number_of(weights, slot.c_str()));
    return text;
}

Style style_of_sync(std::string_view sync) {
    if (sync == "in_sync") return Style::green;
    return sync == "quarantined" ? Style::red : Style::yellow;
}

Style style_of_release(std::string_view status) {
    if (status == "success") return Style::green;
    return status == "failed" || status == "rollback" || status == "rolling_back" ? Style::red
                                                                                  : Style::yellow;
}

std::string finding_line(const json& finding) {
    const Position at{text_of(finding, "file"), static_cast<int>(number_of(finding, "line")),
                      static_cast<int>(number_of(finding, "column"))};
    const auto place = at.text();
    return place + (place.empty() ? "" : ": ") + text_of(finding, "message");
}

int explain(const Console& console, const ExplainOptions& options) {
    const auto facts = facts_of(options);
    if (!facts) return report(console, facts.error());
    if (console.format == Format::json) {
        console.print(*facts);
        return kGood;
    }
    const auto& assignment = (*facts)["assignment"];
    const auto& release = (*facts)["release"];
    print_summary(console, assignment, text_of(*facts, "get_back"));
    print_holds(console, list_of(assignment, "holds"), "held by");
    if (!release.is_null()) {
        print_release(console, release);
        if (list_of(release, "holds") != list_of(assignment, "holds"))
            print_holds(console, list_of(release, "holds"), "the release is held by");
    }
    const auto& errors = list_of(member((*facts)["config"], "tip"), "errors");
    if (!errors.empty()) console.out << "\nthe tip of the config repo has errors\n";
    for (const auto& error : errors) console.out << "  " << finding_line(error) << '\n';
    return kGood;
}

}  // namespace tidegate::cli
