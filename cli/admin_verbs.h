#pragma once
/// The local verbs of whoever runs the daemon: they go to its admin socket.

#include "cli/console.h"
#include "schema/base/time.h"

namespace tidegate::cli {

struct EnrollOptions {
    std::string data_dir;
    std::string agent;
    std::string ttl = "1h";
    bool replace = false;  ///< a known name may enrol anew
};
/// Prints the one-time token alone on the last line of the output.
int enroll(const Console& console, const EnrollOptions& options);

struct RevokeOptions {
    std::string data_dir;
    std::string agent;
    std::string reason;
    bool force = false;  ///< also a name that the daemon does not know
};
int list_agents(const Console& console, const std::string& data_dir);
int revoke_agent(const Console& console, const RevokeOptions& options);

struct AcceptOptions {
    std::string data_dir;
    std::string commit;
    std::string reason;
};
/// Takes exactly this held tip.
int accept_tip(const Console& console, const AcceptOptions& options);

struct AuditOptions {
    std::string data_dir;
    std::string store;  ///< as `tidegated --store`; empty = store.sqlite in the data dir
};
/// Verifies the chain of the audit log: by the daemon, or, if it is down, from the store itself.
int verify_audit_log(const Console& console, const AuditOptions& options);
/// The same without output: rows, hash, and who looked ("daemon" or "store").
[[nodiscard]] Result<nlohmann::json> audit_state(const AuditOptions& options);

}  // namespace tidegate::cli
