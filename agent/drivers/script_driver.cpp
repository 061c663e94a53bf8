#include "agent/drivers/script_driver.h"

#include <fmt/core.h>
#include <signal.h>

#include <utility>

#include "agent/drivers/backup_look.h"
#include "agent/drivers/process_group.h"
#include "agent/drivers/work_dir.h"

namespace tidegate::agent {
namespace {

constexpr Seconds kProbeTimeout{30};
constexpr const char* kUnitVariable = "TIDEGATE_UNIT";
/// It runs in that folder, and stays on its file system: what is mounted there is somebody else's.
constexpr const char* kRemoveFolder =
    "find . -xdev -mindepth 1 -delete || exit\n"
    "folder=$(pwd -P) && cd / && rmdir -- \"$folder\" 2>/dev/null\n"
    "exit 0\n";

DriverResult refused(std::string why) { return {false, std::move(why), {}, false}; }

class ScriptDriver final : public Driver {
public:
    explicit ScriptDriver(DriverContext context)
        : context_{std::move(context)},
          work_dir_{default_work_dir(context_.deploy.work_dir, context_.target_work_dir,
                                     context_.project)} {}

    DriverResult install(std::stop_token stop) override {
        if (script().install_script.empty()) return refused("the project has no install_script");
        return run(script().install_script, script().timeouts.install, std::move(stop));
    }

    DriverResult update(std::stop_token stop) override {
        if (script().update_script.empty()) return install(std::move(stop));
        return run(script().update_script, script().timeouts.update, std::move(stop));
    }

    DriverResult rollback(std::stop_token stop) override {
        if (context_.rollback_script.empty()) return update(std::move(stop));
        return run(context_.rollback_script, script().timeouts.rollback, std::move(stop));
    }

    DriverResult uninstall(std::stop_token stop) override {
        if (!context_.slot.empty()) return remove_slot(std::move(stop));
        if (script().uninstall_script.empty()) return {true, {}, {}, false};
        return run(script().uninstall_script, script().timeouts.uninstall, std::move(stop));
    }

    ProbeReport ask_probe(std::stop_token stop) override {
        if (script().probe_script.empty()) return {Probe::unknown, "there is no probe_script"};
        if (place() != Place::there) return {Probe::unknown, "its work dir is not there"};
        const auto result = run(script().probe_script, kProbeTimeout, std::move(stop));
        if (result.ok) return {Probe::new_version, {}};
        if (result.exited && result.code == 1) return {Probe::old_version, {}};
        return {Probe::unknown, result.error};
    }

    Place place() const override {
        const auto found = find_work_dir(rules());
        if (!found) return Place::not_known;
        return found->has_value() ? Place::there : Place::gone;
    }

    std::optional<std::vector<Backup>> backups() const override {
        auto all = environment();
        return look_for_backups({all["BACKUP_DIR"], all["APP_NAME"], rules()},
                                context_.host.backup_looker);
    }

    bool has_service(ServiceVerb verb) const override {
        return !script().service.unit.empty() || !service_body(verb).empty();
    }

    DriverResult service(ServiceVerb verb, Seconds timeout, std::stop_token stop) override {
        if (!script().service.unit.empty()) {
            const auto word = verb == ServiceVerb::status ? "is-active"sv : to_string(verb);
            auto result = report(execute(systemctl(word, timeout), stop), timeout);
            // is-active says 3 of a unit that is not up; 1 is systemctl's own failure (no bus).
            if (verb == ServiceVerb::status && result.code == 1) result.exited = false;
            return result;
        }
        if (!has_service(verb))
            return refused(fmt::format("the project has no service.{}", to_string(verb)));
        auto call = own(service_body(verb), timeout);
        call.starts_service = verb == ServiceVerb::start;
        return report(execute(call, stop), timeout);
    }

    bool kill_service() override {
        if (!script().service.unit.empty())
            return report(execute(systemctl("kill -s KILL", kProbeTimeout), {}), kProbeTimeout).ok;
        const auto pids = living_of_service(context_.service_marker, context_.host.agent);
        for (const auto pid : pids) ::kill(pid, SIGKILL);
        return !pids.empty();
    }

    DriverResult run(const std::string& body, Seconds timeout, std::stop_token stop) override {
        return report(execute(own(body, timeout), stop), timeout);
    }

private:
    struct Call {
        std::string body;
        std::string interpreter;
        Seconds timeout{0};
        bool starts_service = false;
    };

    const ScriptDeploy& script() const { return context_.deploy; }

    DriverResult remove_slot(std::stop_token stop) {
        const auto timeout = script().timeouts.uninstall;
        if (!script().slot_remove_script.empty())
            return run(script().slot_remove_script, timeout, std::move(stop));
        if (place() == Place::gone) return {true, {}, {}, false};
        auto result = report(execute({kRemoveFolder, "/bin/sh", timeout}, stop), timeout);
        if (!result.ok) return result;
        if (const auto removed = remove_work_dir(rules()); !removed) {
            result.ok = false;
            result.error = removed.error().text();
        }
        return result;
    }

    Call own(const std::string& body, Seconds timeout) const {
        return {body, script().interpreter, timeout, false};
    }
    static Call systemctl(std::string_view words, Seconds timeout) {
        return {fmt::format("exec systemctl {} -- \"${}\"", words, kUnitVariable), "/bin/sh",
                timeout, false};
    }

    WorkDirRules rules() const {
        return {work_dir_, context_.target_work_dir, context_.host.work_dirs,
                context_.host.user ? &*context_.host.user : nullptr};
    }

    const std::string& service_body(ServiceVerb verb) const {
        const Service& service = script().service;
        return verb == ServiceVerb::start  ? service.start
               : verb == ServiceVerb::stop ? service.stop
                                           : service.status;
    }

    static DriverResult report(Result<ProcessResult> result, Seconds timeout) {
        DriverResult out;
        if (!result) {
            out.error = result.error().text();
            out.host_trouble = result.error().code != ErrorCode::invalid;
            return out;
        }
        out.ok = result->ok();
        out.error = result->error(timeout);
        out.exited = result->end == ProcessEnd::exited;
        out.code = result->code;
        out.started = true;
        out.output = std::move(result->output);
        return out;
    }

    std::map<std::string, std::string> environment() const {
        auto all = context_.variables;
        for (const auto& [name, value] : script().environment) all[name] = value;
        all["WORK_DIR"] = work_dir_;
        all["APP_VERSION"] = context_.version;
        all["CURRENT_VERSION"] = context_.current_version;
        all["ROLLBACK_VERSION"] = context_.rollback_version;
        all["ARTIFACT_URL"] = context_.artifact_url;
        all["APP_ENV"] = context_.environment;
        all["KEEP_DATA"] = context_.keep_data ? "true" : "false";
        all["SLOT"] = context_.slot;
        all.try_emplace("APP_NAME", context_.project);
        all.try_emplace("BACKUP_DIR", work_dir_ + "/backups");
        if (!script().service.unit.empty()) all[kUnitVariable] = script().service.unit;
        return all;
    }

    Result<ProcessResult> execute(const Call& call, const std::stop_token& stop) {
        const auto place = TRY(open_work_dir(rules()));
        ProcessSpec spec;
        spec.interpreter = call.interpreter;
        spec.body = call.body;
        spec.work_dir = place.directory.get();
        spec.tmp_dir = context_.host.tmp_dir;
        spec.environment = environment();
        if (call.starts_service) {
            spec.environment[kServiceVariable] = context_.service_marker;
            spec.environment[kAgentVariable] = context_.host.agent;
        }
        spec.secrets = context_.secrets;
        spec.user = context_.host.user;
        spec.no_new_privileges = context_.host.no_new_privileges;
        spec.closed_folder = context_.host.closed_folder;
        spec.timeout = call.timeout;
        spec.output_bytes_max = context_.host.output_bytes_max;
        spec.supervision = context_.host.supervision;
        spec.action = context_.action;
        return run_process(spec, stop);
    }

    DriverContext context_;
    std::string work_dir_;
};

}  // namespace

std::unique_ptr<Driver> make_script_driver(DriverContext context) {
    return std::make_unique<ScriptDriver>(std::move(context));
}

}  // namespace tidegate::agent
