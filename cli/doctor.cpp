#include "cli/doctor.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/admin_client.h"
#include "cli/admin_verbs.h"
#include "cli/certificates.h"
#include "cli/fields.h"
#include "cli/http_client.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

constexpr std::uint64_t kFreeBytesMin = std::uint64_t{1} << 30;

CheckResult check_data_dir(const DoctorOptions& options) {
    CheckResult check{
        "data dir", "a folder that only its owner can enter (0700)", Health::good, {}};
    struct stat facts {};
    if (::stat(options.data_dir.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) {
        check.health = Health::bad;
        check.found = options.data_dir + " is not there";
        return check;
    }
    check.found = fmt::format("mode {:04o}", facts.st_mode & 07777);
    if ((facts.st_mode & 077) != 0) check.health = Health::bad;
    if (facts.st_uid != ::geteuid()) {
        check.found += fmt::format(", owned by uid {}", facts.st_uid);
        check.health = std::max(check.health, Health::doubtful);
    }
    return check;
}

CheckResult check_disk(const DoctorOptions& options) {
    CheckResult check{"disk space", "at least 1 GiB free", Health::good, {}};
    struct statvfs facts {};
    if (::statvfs(options.data_dir.c_str(), &facts) != 0) {
        check.health = Health::bad;
        check.found = "cannot ask";
        return check;
    }
    const auto free = std::uint64_t{facts.f_bavail} * facts.f_frsize;
    check.found = fmt::format("{} MiB free", free >> 20);
    if (free < kFreeBytesMin) check.health = Health::bad;
    return check;
}

CheckResult check_clock() {
    CheckResult check{"clock", "kept in time by the system (windows and certificates need it)",
                      Health::good, "synchronised"};
    struct timex facts {};
    if (::adjtimex(&facts) < 0 || (facts.status & STA_UNSYNC) != 0) {
        check.health = Health::doubtful;
        check.found = "the kernel does not know it to be synchronised";
    }
    return check;
}

CheckResult check_audit(const DoctorOptions& options) {
    CheckResult check{"audit log", "the store opens and the chain verifies", Health::good, {}};
    const auto state = audit_state({options.data_dir, options.store});
    check.health = state ? Health::good : Health::bad;
    check.found = state ? fmt::format("{} rows, read by the {}", number_of(*state, "rows"),
                                      text_of(*state, "read_by"))
                        : state.error().text();
    return check;
}

void add_daemon_checks(std::vector<CheckResult>& checks, const json& info) {
    const auto add = [&](std::string name, std::string criterion, bool good, std::string found) {
        checks.push_back({std::move(name), std::move(criterion), good ? Health::good : Health::bad,
                          std::move(found)});
    };
    const auto trouble = text_of(info, "store_trouble");
    add("store", "the daemon can write to it", trouble.empty(), trouble.empty() ? "yes" : trouble);
    const bool fenced = member(info, "fenced") == true;
    add("epoch", "agents follow this daemon and no newer one", !fenced,
        fenced ? "fenced: another daemon speaks with a higher epoch"
               : fmt::format("{}", number_of(info, "epoch")));
    const auto accepted = text_of(info, "accepted");
    add("config accepted", "a commit of the config repo is in force", !accepted.empty(),
        accepted.empty() ? "none yet" : accepted);
    const auto held = text_of(info, "held");
    add("config tip", "the tip is not refused", held.empty(), held.empty() ? "taken" : held);
    // A daemon of before does not tell which one it has read.
    const bool read = !text_of(info, info.contains("tip") ? "tip" : "accepted").empty();
    if (held.empty() && !read) {
        checks.back().health = Health::doubtful;
        checks.back().found = "no tip was read yet";
    }
    const auto address = text_of(info, "agents_address");
    add("agents port", "agents can dial in (UDP)", !address.empty(),
        address.empty() ? "not bound" : address);
}

CheckResult check_agents(const Result<json>& listed) {
    CheckResult check{"agents", "every agent that is not revoked is online", Health::good, {}};
    if (!listed) {
        check.health = Health::bad;
        check.found = listed.error().text();
        return check;
    }
    int wanted = 0;
    std::string missing;
    for (const auto& agent : list_of(*listed, "items")) {
        if (!text_of(agent, "revoked_at").empty()) continue;
        ++wanted;
        if (text_of(agent, "status") != "online") missing += ' ' + text_of(agent, "name");
    }
    check.found = missing.empty() ? fmt::format("{} online", wanted) : "away:" + missing;
    if (!missing.empty()) check.health = Health::bad;
    if (wanted == 0) check.health = Health::doubtful;
    return check;
}

std::string server_of(const DoctorOptions& options) {
    if (!options.server.empty()) return options.server;
    std::ifstream file{std::filesystem::path{options.data_dir} / "run" / "http.addr"};
    std::string address;
    std::getline(file, address);
    return address.empty() ? address : "http://" + address;
}

void add_status_checks(std::vector<CheckResult>& checks, const std::string& server) {
    const auto config = get_json(server, "/api/release/config");
    checks.push_back({"status endpoint", "answers", config ? Health::good : Health::bad,
                      config ? server : config.error().text()});
    if (!config) return;
    const auto& tip = member(*config, "tip");
    const auto& errors = list_of(tip, "errors");
    checks.push_back({"config errors", "the tip is valid",
                      tip.is_null()    ? Health::doubtful
                      : errors.empty() ? Health::good
                                       : Health::bad,
                      tip.is_null() ? "no tip was seen yet"
                      : errors.empty()
                          ? "none"
                          : fmt::format("{} errors: see tidegate status", errors.size())});
    const auto trouble = text_of(*config, "poll_error");
    checks.push_back({"config remote", "the last poll reached it",
                      trouble.empty() ? Health::good : Health::bad,
                      trouble.empty() ? text_of(*config, "last_poll_at", "never") : trouble});
}

bool is_agents(const std::string& data_dir) {
    return std::filesystem::exists(std::filesystem::path{data_dir} / "journal" / "log");
}

CheckResult check_keys_folder(const DoctorOptions& options) {
    CheckResult check{"key", "in a folder that only its owner can enter (0700)", Health::good, {}};
    struct stat facts {};
    const bool there = ::stat((options.data_dir + "/pki").c_str(), &facts) == 0;
    check.found = there ? fmt::format("mode {:04o}", facts.st_mode & 07777) : "not enrolled yet";
    if (!there || (facts.st_mode & 077) != 0) check.health = there ? Health::bad : Health::doubtful;
    return check;
}

/// The agent writes at its start what scripts can read all the same.
CheckResult check_exposure(const DoctorOptions& options) {
    CheckResult check{"scripts", "cannot read the agent's key and journal", Health::good, {}};
    std::ifstream file{options.data_dir + "/exposure"};
    const bool told = file.is_open();
    std::getline(file, check.found);
    if (!told) check.found = "the agent has not said it yet: start it";
    if (!check.found.empty())
        check.health = Health::doubtful;
    else
        check.found = "they cannot";
    return check;
}

/// The agent writes what it finds of the balancers whose weights it sets: `USE WORDS`.
CheckResult check_state_files(const DoctorOptions& options) {
    CheckResult check{
        "state files", "HAProxy loads the ones that the agent writes", Health::good, {}};
    std::ifstream file{options.data_dir + "/routers"};
    for (std::string line; std::getline(file, line);) {
        const auto use = line.substr(0, line.find(' '));
        if (use == "loaded" || use.size() == line.size()) continue;
        check.health = std::max(check.health, use == "not_loaded" ? Health::bad : Health::doubtful);
        check.found += (check.found.empty() ? "" : "; ") + line.substr(use.size() + 1);
    }
    if (check.found.empty()) check.found = "nothing to say against it";
    return check;
}

/// Of the data dir of an agent, on its host.
std::vector<CheckResult> examine_agent(const DoctorOptions& options) {
    return {check_keys_folder(options), check_exposure(options), check_state_files(options),
            check_clock(), check_disk(options)};
}

}  // namespace

std::vector<CheckResult> examine(const DoctorOptions& options, Timestamp now) {
    if (is_agents(options.data_dir)) return examine_agent(options);
    std::vector<CheckResult> checks{check_data_dir(options)};
    const auto info = ask_daemon(options.data_dir, "info", json::object());
    checks.push_back({"daemon", "answers on its admin socket", info ? Health::good : Health::bad,
                      info ? "version " + text_of(*info, "version") : info.error().text()});
    if (info) add_daemon_checks(checks, *info);
    checks.push_back(check_audit(options));
    const auto agents = ask_daemon(options.data_dir, "agents", json::object());
    if (info) checks.push_back(check_agents(agents));
    checks.push_back(check_certificates(options.data_dir, info ? *info : json(),
                                        agents ? *agents : json(), now));
    if (const auto server = server_of(options); !server.empty()) add_status_checks(checks, server);
    checks.push_back(check_clock());
    checks.push_back(check_disk(options));
    return checks;
}

int doctor(const Console& console, const DoctorOptions& options, Timestamp now) {
    const auto checks = examine(options, now);
    bool bad = false;
    auto items = json::array();
    Table table{{"CHECK", "STATE", "MUST BE SO", "FOUND"}};
    for (const auto& check : checks) {
        const auto* word = check.health == Health::good  ? "good"
                           : check.health == Health::bad ? "bad"
                                                         : "doubtful";
        const auto style = check.health == Health::good  ? Style::green
                           : check.health == Health::bad ? Style::red
                                                         : Style::yellow;
        bad = bad || check.health == Health::bad;
        items.push_back({{"check", check.name},
                         {"state", word},
                         {"criterion", check.criterion},
                         {"found", check.found}});
        table.add({check.name, console.styled(style, word), check.criterion, clean(check.found)});
    }
    if (console.format == Format::json)
        console.print({{"healthy", !bad}, {"checks", std::move(items)}});
    else
        table.print(console);
    return bad ? kProblem : kGood;
}

}  // namespace tidegate::cli
