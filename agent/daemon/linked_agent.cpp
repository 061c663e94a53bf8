#include "agent/daemon/linked_agent.h"

#include <spdlog/spdlog.h>

#include <asio/post.hpp>
#include <fstream>
#include <utility>

#include "schema/model/slots.h"

namespace tidegate::agent {
namespace {

/// A new random one per process start; the kernel makes them.
std::string new_boot_id() {
    std::ifstream file{"/proc/sys/kernel/random/uuid"};
    std::string id;
    file >> id;
    TG_ASSERT(!id.empty());
    return id;
}

}  // namespace

LinkedAgent::LinkedAgent(asio::io_context& io, const AgentOptions& options)
    : io_{io}, options_{options}, boot_id_{new_boot_id()} {}

LinkedAgent::~LinkedAgent() = default;

Result<void> LinkedAgent::start() {
    host_.reset();
    HostOptions host;
    host.data_dir = options_.data_dir;
    host.rules = TRY(make_host_rules(options_.config, options_.data_dir));
    host.rules.limits.backup_looker = "/proc/self/exe";
    if (const auto& warning = host.rules.exposure.warning; !warning.empty()) notice(warning);
    note_exposure(options_.data_dir, host.rules.exposure);
    host.drift_interval = options_.drift_interval;
    host_ = TRY(HostLoop::open(io_, std::move(host), *this));

    SessionOptions session;
    session.host = options_.host;
    session.keep_alive = options_.keep_alive;
    session.port = options_.port;
    session.agent = options_.name;
    session.data_dir = options_.data_dir;
    session.token = options_.token;
    session_ = TRY(Session::start(io_, std::move(session), *this));
    return {};
}

void LinkedAgent::fail() {
    exit_code_ = 1;
    io_.stop();
}

void LinkedAgent::stop() {
    if (!session_) return io_.stop();
    session_->stopping();
    host_->stop([this] {
        session_->stop("the agent stops");
        asio::post(io_, [this] { io_.stop(); });
    });
}

Hello LinkedAgent::hello() {
    Hello hello;
    hello.agent = options_.name;
    hello.boot_id = boot_id_;
    hello.version = TIDEGATE_VERSION;
    const auto& drivers = options_.config.drivers;
    if (drivers.empty() || drivers.contains("script"))
        hello.capabilities = {"driver.script", std::string{kSlotsCapability},
                              std::string{kScriptRouterCapability}};
    // Whatever agent.yaml says: it speaks of each socket, and a report names what it lacks.
    hello.capabilities.emplace_back(kHaproxyCapability);
    hello.capabilities.emplace_back(kVerifyCapability);
    hello.capabilities.emplace_back(kSecondLookCapability);
    hello.highest_epoch = host_->highest_epoch();
    hello.runs_at_once = static_cast<int>(ActionRunner::kWorkers);
    hello.targets.assign(options_.config.targets.begin(), options_.config.targets.end());
    return hello;
}

void LinkedAgent::on_connected(std::uint64_t epoch, bool answers_suspended) {
    spdlog::info("connected, epoch {}", epoch);
    host_->step(machine::WelcomeCommand{epoch, answers_suspended});
}

void LinkedAgent::on_run(Action action, std::uint64_t epoch) {
    spdlog::info("{} {} {}: asked for, action {}", to_string(action.kind), action.key.text(),
                 action.version, action.id.substr(0, 12));
    host_->step(machine::RunCommand{epoch, std::move(action)});
}

void LinkedAgent::on_unreadable_run(Action head, std::uint64_t epoch, const std::string& reason) {
    if (epoch < host_->highest_epoch()) return fenced(host_->highest_epoch());
    ActionResult refused;
    refused.id = head.id;
    refused.release = head.release;
    refused.step = head.step;
    refused.attempt = head.attempt;
    refused.kind = head.kind;
    refused.outcome = ActionOutcome::refused;
    refused.error = refused.host_trouble = reason;  // this agent is too old for it
    refused.installation.key = head.key;
    for (const auto& installation : host_->inventory().installations)
        if (installation.key == head.key) refused.installation = installation;
    result(refused);
}

void LinkedAgent::on_cancel(const std::string& action, std::uint64_t epoch) {
    host_->step(machine::CancelCommand{epoch, action});
}
void LinkedAgent::on_ack(const std::vector<std::string>& actions) {
    host_->step(machine::AckCommand{actions});
}
void LinkedAgent::on_route(const Route& route, std::uint64_t epoch, bool forget,
                           const std::string& unreadable) {
    host_->step(machine::SetRouteCommand{epoch, route, forget, unreadable});
}
void LinkedAgent::on_disconnected(const std::string& reason) {
    spdlog::warn("link lost: {}", reason);
}
void LinkedAgent::on_notice(const std::string& text) { spdlog::info("{}", text); }
void LinkedAgent::on_stopped(const Error& error) {
    spdlog::error("{}", error.text());
    exit_code_ = 1;
    stop();
}

void LinkedAgent::result(const ActionResult& result) {
    spdlog::info("{} {}: {}{}{}", to_string(result.kind), result.installation.key.text(),
                 to_string(result.outcome), result.error.empty() ? "" : ": ", result.error);
    if (session_) session_->result(result);
}
void LinkedAgent::changed(const Installation& installation) {
    spdlog::info("{}: {}{}", installation.key.text(),
                 installation.drifted                ? "drifted: "
                 : installation.drift_reason.empty() ? "as it should be again"
                                                     : "nobody can tell whether it drifted: ",
                 installation.drift_reason);
    if (session_) session_->changed({installation});
}
void LinkedAgent::update(const ActionUpdate& update) {
    if (session_) session_->update(update);
}
void LinkedAgent::fenced(std::uint64_t highest_epoch) {
    spdlog::warn("refused a command of an older epoch than {}", highest_epoch);
    if (session_) session_->fenced(highest_epoch);
}
void LinkedAgent::routed(const RouteReport& report) {
    spdlog::info("route {} of {} at {}: {}{}{}", report.revision, report.key.text(), report.target,
                 report.in_force ? "in force" : "not in force", report.error.empty() ? "" : ": ",
                 report.error);
    if (session_) session_->routed(report);
}
void LinkedAgent::log(const std::string& action, const std::string& text) {
    if (session_ && !session_->log(action, text))
        spdlog::debug("output of {} was not uploaded", action);
}
void LinkedAgent::notice(const std::string& text) { spdlog::warn("{}", text); }

}  // namespace tidegate::agent
