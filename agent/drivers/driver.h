#pragma once
/// How one kind of project gets onto a target. Drivers take values that are already expanded; they
/// know nothing of pipelines, journals or the daemon. Every call blocks, so it runs on a worker.

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/drivers/process.h"
#include "schema/model/agent.h"
#include "schema/model/deploy.h"

namespace tidegate::agent {

/// What the host's owner allows and gives; the same for all actions of one agent.
struct HostLimits {
    std::vector<std::string> work_dirs;  ///< empty = any place that the repo names
    std::optional<ProcessUser> user;     ///< none = the agent's own
    std::size_t output_bytes_max = limits::kOutputBytesDefault;
    std::string tmp_dir;
    /// Looks at BACKUP_DIR when asked with kBackupLookArgument (backup_look.h); empty = nobody
    /// does.
    std::string backup_looker;
};

/// One installation to work on. All strings are expanded.
struct DriverContext {
    ScriptDeploy deploy;
    std::map<std::string, std::string> variables;
    std::vector<std::string> secrets;  ///< values to mask
    std::string project;
    std::string environment;
    std::string target_work_dir;
    std::string version;
    std::string current_version;
    std::string rollback_version;
    std::string artifact_url;
    std::string slot;
    bool keep_data = false;
    std::string rollback_script;  ///< of the failed definition; empty = use the update path
    HostLimits host;
    /// Names the installation in the environment of what `service.start` leaves running.
    std::string service_marker;
    std::function<void(const ProcessId&)> on_process;  ///< as in ProcessSpec
};

struct DriverResult {
    bool ok = false;
    std::string error;   ///< empty when ok
    std::string output;  ///< masked, bounded
    /// Whether it may have changed something; false = refused before anything ran.
    bool started = false;
    /// Not started, and not for what the project says: the host has no room, no process, no way in.
    bool host_trouble = false;
    /// It ended by itself, with whatever code: not by a signal, a time-out or a cancel.
    bool exited = false;
};

/// What stands on the target, as far as the driver can tell.
enum class Probe { new_version, old_version, unknown };

enum class ServiceVerb { start, stop, status };
constexpr auto enum_names(ServiceVerb) { return std::array{"start"sv, "stop"sv, "status"sv}; }

class Driver {
public:
    virtual ~Driver() = default;

    virtual DriverResult install(std::stop_token stop) = 0;
    virtual DriverResult update(std::stop_token stop) = 0;
    virtual DriverResult rollback(std::stop_token stop) = 0;
    virtual DriverResult uninstall(std::stop_token stop) = 0;
    /// Never changes anything.
    virtual Probe probe(std::stop_token stop) = 0;
    /// Whether the place where it was installed is still there.
    [[nodiscard]] virtual bool place_exists() const = 0;
    /// What its scripts put aside so far: newest first, bounded; nullopt = nobody could look. Never
    /// changes anything.
    [[nodiscard]] virtual std::optional<std::vector<Backup>> backups() const = 0;
    [[nodiscard]] virtual bool has_service(ServiceVerb verb) const = 0;
    virtual DriverResult service(ServiceVerb verb, Seconds timeout, std::stop_token stop) = 0;
    /// KILL to all that the service's start left; false if nothing of it was found.
    virtual bool kill_service() = 0;
    /// Any other body of the project's (a pipeline task), in the same place and environment.
    virtual DriverResult run(const std::string& body, Seconds timeout, std::stop_token stop) = 0;
};

}  // namespace tidegate::agent
