#include "cli/admin_verbs.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/admin_client.h"
#include "cli/fields.h"
#include "reconciler/store/store.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

/// From the store itself, so that a log can be checked where no daemon runs. It is only looked at:
/// a mistyped path must not become an empty store, nor root's a file the daemon cannot write.
Result<json> audit_of_store(const AuditOptions& options) {
    const auto file = std::filesystem::path{options.data_dir} / "store.sqlite";
    if (options.store.empty() && !std::filesystem::exists(file))
        return fail(ErrorCode::unavailable, "no daemon answers and there is no {}", file.string());
    const auto store = TRY(read_store(options.store, options.data_dir));
    const auto mark = TRY(verify_audit(*store));
    return json{{"rows", mark.seq}, {"hash", mark.hash.hex()}, {"read_by", "store"}};
}

}  // namespace

int enroll(const Console& console, const EnrollOptions& options) {
    const auto ttl = parse_duration(options.ttl);
    if (!ttl) {
        console.err << "tidegate: --ttl: " << ttl.error().message << '\n';
        return kUsage;
    }
    const auto made = ask_daemon(options.data_dir, "enroll",
                                 {{"agent", options.agent},
                                  {"ttl", ttl->count()},
                                  {"replace", options.replace},
                                  {"actor", local_actor()}});
    if (!made) return report(console, made.error());
    const auto token = text_of(*made, "token");
    if (console.format == Format::json) {
        console.print({{"agent", options.agent}, {"ttl", ttl->count()}, {"token", token}});
        return kGood;
    }
    console.err << fmt::format("one-time token for agent {}, valid for {}:\n", options.agent,
                               format_duration(*ttl));
    console.out << token << '\n';
    return kGood;
}

int list_agents(const Console& console, const std::string& data_dir) {
    const auto listed = ask_daemon(data_dir, "agents", json::object());
    if (!listed) return report(console, listed.error());
    if (console.format == Format::json) {
        console.print(*listed);
        return kGood;
    }
    Table table{{"NAME", "STATUS", "ADDRESS", "VERSION", "LAST SEEN", "CERTIFICATE UNTIL", "NOTE"}};
    for (const auto& agent : list_of(*listed, "items")) {
        const bool revoked = !text_of(agent, "revoked_at").empty();
        const auto status = revoked ? "revoked" : text_of(agent, "status");
        const auto style = revoked ? Style::red : status == "online" ? Style::green : Style::yellow;
        table.add({text_of(agent, "name"), console.styled(style, status),
                   text_of(agent, "address", "-"), text_of(agent, "version", "-"),
                   text_of(agent, "last_seen_at", "never"),
                   text_of(agent, "certificate_expires_at", "-"), text_of(agent, "revoke_reason")});
    }
    if (table.empty())
        console.err << "no agent is enrolled: tidegate enroll AGENT --data-dir " << data_dir
                    << '\n';
    else
        table.print(console);
    return kGood;
}

int revoke_agent(const Console& console, const RevokeOptions& options) {
    const auto done = ask_daemon(options.data_dir, "revoke",
                                 {{"agent", options.agent},
                                  {"reason", options.reason},
                                  {"force", options.force},
                                  {"actor", local_actor()}});
    if (!done) return report(console, done.error());
    if (console.format == Format::json)
        console.print(*done);
    else
        console.out << fmt::format("{} is revoked\n", options.agent);
    return kGood;
}

int accept_tip(const Console& console, const AcceptOptions& options) {
    const auto done = ask_daemon(
        options.data_dir, "accept",
        {{"commit", options.commit}, {"reason", options.reason}, {"actor", local_actor()}});
    if (!done) return report(console, done.error());
    if (console.format == Format::json)
        console.print(*done);
    else
        console.out << fmt::format("{} is accepted\n", options.commit);
    return kGood;
}

Result<json> audit_state(const AuditOptions& options) {
    auto state = ask_daemon(options.data_dir, "audit", json::object());
    if (!state && state.error().code == ErrorCode::unavailable) return audit_of_store(options);
    if (state) (*state)["read_by"] = "daemon";
    return state;
}

int verify_audit_log(const Console& console, const AuditOptions& options) {
    const auto state = audit_state(options);
    if (!state) return report(console, state.error());
    if (console.format == Format::json)
        console.print(*state);
    else
        console.out << fmt::format("audit log: {} rows, chain verified by the {}\nhead {}\n",
                                   number_of(*state, "rows"), text_of(*state, "read_by"),
                                   text_of(*state, "hash"));
    return kGood;
}

}  // namespace tidegate::cli
