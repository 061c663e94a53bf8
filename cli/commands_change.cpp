#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "cli/change_verbs.h"
#include "cli/commands.h"

namespace tidegate::cli {
namespace {

Timestamp now() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string home_file(const char* name) {
    const char* home = std::getenv("HOME");
    const auto path = std::filesystem::path{home != nullptr ? home : "/"} / name;
    std::error_code unreadable;
    return std::filesystem::exists(path, unreadable) ? path.string() : std::string{};
}

void add_common(CLI::App& verb, ChangeOptions& options, bool needs_reason) {
    verb.add_option("project", options.key.project)->required();
    verb.add_option("environment", options.key.environment)->required();
    auto& where = options.where;
    where.remote.ssh_key_file = home_file(".ssh/id_ed25519");
    where.remote.known_hosts_file = home_file(".ssh/known_hosts");
    verb.add_option("--repo", where.remote.url, "the config repo: path, file://, https:// or ssh")
        ->envname("TIDEGATE_REPO")
        ->required();
    verb.add_option("--branch", where.branch, "the branch the daemon follows")
        ->capture_default_str();
    auto* reason = verb.add_option("--reason", options.reason, "why; stands in the commit");
    if (needs_reason) reason->required()->check(refuse_blank);
    verb.add_option("--author", where.author, "'Name <mail>'; else as git would sign");
    verb.add_option("--token-file", where.token_file, "holds a token for https");
    verb.add_option("--ssh-key", where.remote.ssh_key_file, "Ed25519 or ECDSA");
    verb.add_option("--known-hosts", where.remote.known_hosts_file, "hosts that ssh may talk to");
    verb.add_option("--ca-file", where.remote.ca_file, "PEM; replaces the system's authorities");
}

void add_rollback(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("rollback", "Puts an assignment back to a former version");
    auto options = std::make_shared<RollbackOptions>();
    add_common(*verb, options->change, true);
    verb->add_option("--to", options->to, "the version; default: the last one before the current");
    verb->footer(
        "Writes the version file as it was, as one commit, and pushes it.\nExample:\n"
        "  tidegate rollback shop-api prod --repo REPO --to 1.4.1 --reason 'checkout fails'");
    verb->callback(
        [&session, options] { session.exit_code = roll_back(session.console, *options, now()); });
}

using Verb = int (*)(const Console&, const ChangeOptions&, Timestamp);

struct SimpleVerb {
    const char* name;
    const char* help;
    const char* example;
    Verb run;
};

constexpr SimpleVerb kSimpleVerbs[] = {
    {"pause", "Starts nothing more for an assignment",
     "Example:\n  tidegate pause shop-api prod --repo REPO --reason 'incident 42'", pause},
    {"resume", "Ends a pause", "Example:\n  tidegate resume shop-api prod --repo REPO", resume},
    {"retry", "Tries again what failed or was quarantined",
     "Raises 'retry' in the version file, which lifts a quarantine.\n"
     "Example:\n  tidegate retry shop-api prod --repo REPO --reason 'disk was full'",
     retry},
};

void add_simple(CLI::App& app, Session& session, const SimpleVerb& simple) {
    auto* verb = app.add_subcommand(simple.name, simple.help);
    auto options = std::make_shared<ChangeOptions>();
    add_common(*verb, *options, false);
    verb->footer(simple.example);
    verb->callback([&session, options, run = simple.run] {
        session.exit_code = run(session.console, *options, now());
    });
}

void add_promote(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("promote", "Lets a release that waits for a person go on");
    auto options = std::make_shared<PromoteOptions>();
    add_common(*verb, options->change, false);
    auto* step = verb->add_option("--step", options->step,
                                  "past this entry of the strategy, as plan and explain number it")
                     ->check(CLI::Range(1, 1'000'000));
    auto* full = verb->add_flag("--full", options->full, "past all of them");
    full->excludes(step);
    verb->footer(
        "One of --step and --full. It counts for the version that the file names, passes no gate\n"
        "and no verify; 'tidegate explain' says what the release waits for.\n"
        "Examples:\n  tidegate promote shop-api prod --step 1 --repo REPO\n"
        "  tidegate promote shop-api prod --full --repo REPO");
    verb->callback([&session, options] {
        if (options->step == 0 && !options->full) throw CLI::RequiredError("--step or --full");
        session.exit_code = promote(session.console, *options, now());
    });
}

void add_pin(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("pin", "Keeps one target at a version");
    auto options = std::make_shared<PinOptions>();
    add_common(*verb, options->change, false);
    verb->add_option("target", options->target)->required();
    auto* version = verb->add_option("version", options->version, "one the assignment had before");
    auto* remove = verb->add_flag("--remove", options->remove, "let the target follow again");
    remove->excludes(version);
    verb->footer(
        "Examples:\n  tidegate pin shop-api prod web-1 1.4.1 --repo REPO\n"
        "  tidegate pin shop-api prod web-1 --remove --repo REPO");
    verb->callback([&session, options] {
        if (!options->remove && options->version.empty()) throw CLI::RequiredError("version");
        session.exit_code = pin(session.console, *options, now());
    });
}

}  // namespace

void add_change_commands(CLI::App& app, Session& session) {
    add_rollback(app, session);
    for (const auto& verb : kSimpleVerbs) add_simple(app, session, verb);
    add_promote(app, session);
    add_pin(app, session);
}

}  // namespace tidegate::cli
