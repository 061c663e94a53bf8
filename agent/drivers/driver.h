#pragma once
/// How one kind of project gets onto a target. Drivers take values that are already expanded; they
/// know nothing of pipelines, journals or the daemon. Every call blocks, so it runs on a worker.

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
    bool no_new_privileges = false;      ///< for scripts: no sudo
    std::string closed_folder;           ///< kept from scripts; empty = nothing is
    std::size_t output_bytes_max = limits::kOutputBytesDefault;
    std::string tmp_dir;
    std::string agent;  ///< tells it from other agents of this host
    /// Looks at BACKUP_DIR when asked with kBackupLookArgument (backup_look.h); empty = nobody
    /// does.
    std::string backup_looker;
    Supervision supervision;
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
    /// Names the installation in the environment of what `service.start` leaves running. Agents of
    /// different fleets may use the same names on one host: only with HostLimits::agent is it
    /// one's.
    std::string service_marker;
    std::string action;  ///< as in ProcessSpec
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
    int code = 0;  ///< where it exited
};

/// What an exit code says of a question that it answers: none where the shell did not find what it
/// should run (127), or may not (126).
[[nodiscard]] constexpr bool is_answer(const DriverResult& result) {
    return result.exited && result.code != 126 && result.code != 127;
}

/// What stands on the target, as far as the driver can tell.
enum class Probe { new_version, old_version, unknown };

struct ProbeReport {
    Probe answer = Probe::unknown;
    std::string why;  ///< unknown: what was in the way
};

/// Of the folder that it was installed into.
enum class Place { there, gone, not_known };

enum class ServiceVerb { start, stop, status };
constexpr auto enum_names(ServiceVerb) { return std::array{"start"sv, "stop"sv, "status"sv}; }

class Driver {
public:
    virtual ~Driver() = default;

    virtual DriverResult install(std::stop_token stop) = 0;
    virtual DriverResult update(std::stop_token stop) = 0;
    virtual DriverResult rollback(std::stop_token stop) = 0;
    /// Of an installation in a slot it removes that alone: not what the project has beside its
    /// slots.
    virtual DriverResult uninstall(std::stop_token stop) = 0;
    /// Never changes anything.
    virtual ProbeReport ask_probe(std::stop_token stop) = 0;
    [[nodiscard]] Probe probe(std::stop_token stop) { return ask_probe(std::move(stop)).answer; }
    [[nodiscard]] virtual Place place() const = 0;
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
