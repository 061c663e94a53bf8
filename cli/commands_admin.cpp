#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>

#include "cli/admin_verbs.h"
#include "cli/commands.h"
#include "cli/doctor.h"

namespace tidegate::cli {
namespace {

void add_data_dir(CLI::App& verb, std::string& data_dir) {
    verb.add_option("--data-dir", data_dir, "the daemon's data dir on this machine")
        ->envname("TIDEGATE_DATA_DIR")
        ->required();
}

void add_enroll(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("enroll", "Makes a one-time token for one agent");
    auto options = std::make_shared<EnrollOptions>();
    verb->add_option("agent", options->agent, "the agent's name")->required();
    add_data_dir(*verb, options->data_dir);
    verb->add_option("--ttl", options->ttl, "how long the token can be used")
        ->capture_default_str();
    verb->add_flag("--replace", options->replace, "allow a known agent to enrol anew");
    verb->footer(
        "The token stands alone on the last line of the output.\nExample:\n"
        "  tidegate enroll web-1 --data-dir /var/lib/tidegated --ttl 10m > token");
    verb->callback([&session, options] { session.exit_code = enroll(session.console, *options); });
}

void add_agents(CLI::App& app, Session& session) {
    auto* agents = app.add_subcommand("agents", "Lists agents, or shuts one out");
    agents->require_subcommand(1);
    agents->footer("Example:\n  tidegate agents list --data-dir /var/lib/tidegated");
    auto* list = agents->add_subcommand("list", "Lists the enrolled agents");
    auto data_dir = std::make_shared<std::string>();
    add_data_dir(*list, *data_dir);
    list->callback(
        [&session, data_dir] { session.exit_code = list_agents(session.console, *data_dir); });

    auto* revoke = agents->add_subcommand("revoke", "Shuts an agent out within a minute");
    auto options = std::make_shared<RevokeOptions>();
    revoke->add_option("agent", options->agent, "the agent's name")->required();
    revoke->add_option("--reason", options->reason, "for the audit log")
        ->required()
        ->check(refuse_blank);
    revoke->add_flag("--force", options->force,
                     "also a name that the daemon does not know, such as after a lost store");
    add_data_dir(*revoke, options->data_dir);
    revoke->footer(
        "Example:\n  tidegate agents revoke web-1 --reason 'host is gone' --data-dir DIR");
    revoke->callback(
        [&session, options] { session.exit_code = revoke_agent(session.console, *options); });
}

void add_accept(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("accept", "Takes a held tip of the config repo");
    auto options = std::make_shared<AcceptOptions>();
    verb->add_option("--commit", options->commit, "exactly the tip that is held")->required();
    verb->add_option("--reason", options->reason, "for the audit log")
        ->required()
        ->check(refuse_blank);
    add_data_dir(*verb, options->data_dir);
    verb->footer("Example:\n  tidegate accept --commit 1f0c… --reason 'history was cleaned'");
    verb->callback(
        [&session, options] { session.exit_code = accept_tip(session.console, *options); });
}

void add_audit(CLI::App& app, Session& session) {
    auto* audit = app.add_subcommand("audit", "Checks the audit log");
    audit->require_subcommand(1);
    audit->footer("Example:\n  tidegate audit verify --data-dir /var/lib/tidegated");
    auto* verify = audit->add_subcommand("verify", "Verifies the hash chain from its first row");
    auto options = std::make_shared<AuditOptions>();
    add_data_dir(*verify, options->data_dir);
    verify->add_option("--store", options->store, "as tidegated's, to read it while that is down");
    verify->footer(
        "Asks the daemon; where none runs, reads the store itself.\n"
        "Example:\n  tidegate audit verify --data-dir /var/lib/tidegated");
    verify->callback(
        [&session, options] { session.exit_code = verify_audit_log(session.console, *options); });
}

void add_doctor(CLI::App& app, Session& session) {
    auto* verb = app.add_subcommand("doctor", "Checks this installation");
    auto options = std::make_shared<DoctorOptions>();
    add_data_dir(*verb, options->data_dir);
    verb->add_option("--server", options->server, "default: where the daemon says it listens");
    verb->add_option("--store", options->store, "as tidegated's, to read it while that is down");
    verb->footer(
        "Each check stands beside what must be so. Exit code 1 if one is bad.\n"
        "Example:\n  tidegate doctor --data-dir /var/lib/tidegated");
    verb->callback([&session, options] {
        const auto now =
            std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
        session.exit_code = doctor(session.console, *options, now);
    });
}

}  // namespace

void add_admin_commands(CLI::App& app, Session& session) {
    add_enroll(app, session);
    add_agents(app, session);
    add_accept(app, session);
    add_audit(app, session);
    add_doctor(app, session);
}

}  // namespace tidegate::cli
