#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>

#include "cli/commands.h"
#include "cli/explain.h"
#include "cli/look_verbs.h"
#include "cli/plan.h"
#include "cli/validate.h"

namespace tidegate::cli {
namespace {

void add_server(CLI::App& verb, std::string& server) {
    server = "http://127.0.0.1:7480";
    verb.add_option("--server", server, "the daemon's status endpoint")
        ->envname("TIDEGATE_SERVER")
        ->capture_default_str();
}

void add_validate(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("validate", "Checks a config repo as the daemon would read it");
    auto where = std::make_shared<std::string>(".");
    verb->add_option("where", *where, "a folder or work tree, a bare repository, or REPO@REV")
        ->capture_default_str();
    verb->footer(
        "Prints file:line:column: error: message for each error, and warning: for what is valid\n"
        "but not acted on by this build. Exit code 1 if there are errors.\n"
        "Examples:\n  tidegate validate .\n  tidegate validate /srv/git/config.git@main");
    verb->callback([&session, where] { session.exit_code = validate(session.console, *where); });
}

Timestamp time_now() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

void add_repo(CLI::App& verb, PlanOptions& options) {
    options.repo = ".";
    verb.add_option("--repo", options.repo, "a local repository, bare or not")
        ->capture_default_str();
    verb.add_option("--server", options.server,
                    "status endpoint to ask what is installed; else as base desires")
        ->envname("TIDEGATE_SERVER");
}

void add_plan(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("plan", "Shows what a change would do, before it is merged");
    auto options = std::make_shared<PlanOptions>();
    add_repo(*verb, *options);
    verb->add_option("--base", options->base, "what is in force, such as origin/main")->required();
    verb->add_option("--head", options->head, "what it would become")->required();
    verb->footer(
        "The daemon's own engine runs ahead on a clock that nobody waits for. base..head counts "
        "as\n"
        "one change, as a merge does. Exit code 1 if head has errors.\n"
        "Example, for a merge-request comment:\n"
        "  tidegate plan --base origin/main --head HEAD --output markdown");
    verb->callback(
        [&session, options] { session.exit_code = plan(session.console, *options, time_now()); });
}

void add_simulate(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("simulate", "Plays a change through, with failures");
    auto options = std::make_shared<PlanOptions>();
    add_repo(*verb, *options);
    auto rev = std::make_shared<std::string>();
    auto* one = verb->add_option("--rev", *rev, "one commit, against its first parent");
    auto* base = verb->add_option("--base", options->base, "what is in force")->excludes(one);
    auto* head = verb->add_option("--head", options->head, "what it would become")->excludes(one);
    base->needs(head);
    head->needs(base);
    verb->add_option("--fail", options->fails,
                     "TARGET or TARGET@STEP that fails; as often as needed")
        ->type_name("TARGET[@STEP]");
    verb->footer(
        "What is contained, what goes back and when, what the daemon reverts. Nothing is "
        "deployed.\n"
        "Examples:\n"
        "  tidegate simulate --rev HEAD --fail web-3\n"
        "  tidegate simulate --base origin/main --head HEAD --fail web-1@0 --output markdown");
    verb->callback([&session, options, rev] {
        if (!rev->empty()) options->head = *rev;
        if (options->head.empty()) throw CLI::RequiredError("--rev, or --base and --head");
        session.exit_code = simulate(session.console, *options, time_now());
    });
}

void add_status(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("status", "Shows all assignments and active releases");
    auto server = std::make_shared<std::string>();
    add_server(*verb, *server);
    verb->footer("Example:\n  tidegate status --server http://127.0.0.1:7480 --output json");
    verb->callback([&session, server] { session.exit_code = status(session.console, *server); });
}

void add_explain(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("explain", "Says why an assignment is as it is");
    auto options = std::make_shared<ExplainOptions>();
    verb->add_option("project", options->project)->required();
    verb->add_option("environment", options->environment)->required();
    add_server(*verb, options->server);
    verb->footer("Example:\n  tidegate explain shop-api prod");
    verb->callback([&session, options] { session.exit_code = explain(session.console, *options); });
}

void add_watch(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("watch", "Prints every change of an assignment as it happens");
    auto server = std::make_shared<std::string>();
    add_server(*verb, *server);
    verb->footer("Example:\n  tidegate watch --output json | jq .data.sync");
    verb->callback([&session, server] { session.exit_code = watch(session.console, *server); });
}

void add_history(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("history", "Lists releases, the newest first");
    auto options = std::make_shared<HistoryOptions>();
    verb->add_option("project", options->project);
    verb->add_option("environment", options->environment);
    add_server(*verb, options->server);
    verb->footer("Example:\n  tidegate history shop-api prod");
    verb->callback([&session, options] { session.exit_code = history(session.console, *options); });
}

void add_logs(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("logs", "Shows what the tasks of a release printed last");
    auto options = std::make_shared<LogsOptions>();
    verb->add_option("release", options->release, "its id, as history shows it")->required();
    verb->add_option("--target", options->target, "of this target only");
    add_server(*verb, options->server);
    verb->add_flag("--full", options->full, "all that was printed, action by action");
    verb->footer("Example:\n  tidegate logs 5f3c… --target web-1 --full");
    verb->callback([&session, options] { session.exit_code = logs(session.console, *options); });
}

}  // namespace

void add_look_commands(CLI::App& app, Session& session) {
    add_validate(app, session);
    add_plan(app, session);
    add_simulate(app, session);
    add_status(app, session);
    add_explain(app, session);
    add_watch(app, session);
    add_history(app, session);
    add_logs(app, session);
}

}  // namespace tidegate::cli
