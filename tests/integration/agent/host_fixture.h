#pragma once
/// An agent without a link: real journal, real processes, a recording uplink.

#include <gtest/gtest.h>
#include <poll.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/daemon/host_loop.h"
#include "tests/integration/temp_dir.h"

namespace tidegate::agent::test {

using tidegate::test::read_text;
using tidegate::test::TempDir;
using tidegate::test::write_text;

constexpr std::chrono::seconds kHostPatience{60};

/// Of another process, whose loop is not ours: waits until that is so; false after kHostPatience.
inline bool comes_to_be(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + kHostPatience;
    while (!done() && std::chrono::steady_clock::now() < end) ::poll(nullptr, 0, 1);
    return done();
}

class RecordingUplink final : public Uplink {
public:
    void result(const ActionResult& result) override { results.push_back(result); }
    void changed(const Installation& installation) override { changes.push_back(installation); }
    void update(const ActionUpdate& update) override { updates.push_back(update); }
    void fenced(std::uint64_t highest) override { fences.push_back(highest); }
    void routed(const RouteReport& report) override { routes.push_back(report); }
    void log(const std::string&, const std::string& text) override { logs.push_back(text); }
    void notice(const std::string& text) override { notices.push_back(text); }

    std::vector<ActionResult> results;
    std::vector<Installation> changes;
    std::vector<ActionUpdate> updates;
    std::vector<std::uint64_t> fences;
    std::vector<RouteReport> routes;
    std::vector<std::string> logs;
    std::vector<std::string> notices;
};

/// One life of an agent process on a data directory.
class Host {
public:
    explicit Host(const TempDir& dir, AgentConfig config = {}, Seconds drift_interval = Seconds{0},
                  const std::string& backup_looker = TIDEGATE_BINARY_DIR "/tidegate-agent",
                  Milliseconds route_look = limits::kRouteLook) {
        config.allow_root = true;
        HostOptions options;
        options.data_dir = dir / "agent";
        std::filesystem::create_directories(options.data_dir);
        auto rules = make_host_rules(std::move(config), options.data_dir);
        if (!rules) throw std::runtime_error{rules.error().text()};
        options.rules = *rules;
        options.rules.limits.backup_looker = backup_looker;
        options.rules.limits.supervision.program = TIDEGATE_BINARY_DIR "/tidegate-agent";
        options.drift_interval = drift_interval;
        options.route_look = route_look;
        auto opened = HostLoop::open(io, std::move(options), uplink);
        if (!opened) throw std::runtime_error{opened.error().text()};
        loop = *std::move(opened);
    }

    /// Runs the loop until that is so; false after kHostPatience.
    bool until(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + kHostPatience;
        while (!done() && std::chrono::steady_clock::now() < end)
            io.run_one_for(std::chrono::milliseconds{50}), io.restart();
        return done();
    }
    ActionResult run(const Action& action) {
        const auto before = uplink.results.size();
        loop->step(machine::RunCommand{1, action});
        EXPECT_TRUE(until([&] { return uplink.results.size() > before; }));
        return uplink.results.size() > before ? uplink.results.back() : ActionResult{};
    }

    asio::io_context io;
    /// Without it nothing is waited for while nothing is posted, and a core is busy asking.
    asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
    RecordingUplink uplink;
    std::unique_ptr<HostLoop> loop;
};

inline Action make_action(const TempDir& dir, const std::string& id, const std::string& version) {
    Action action;
    action.id = Digest::of(id).hex();
    action.release = "00000000-0000-5000-8000-000000000000";
    action.key = {"web-1", "shop", ""};
    action.environment = "prod";
    action.version = version;
    action.digest = Digest::of(version);
    action.assignment_digest = Digest::of("assignment " + version);
    action.commit = std::string(40, 'a');
    action.target_work_dir = dir / "apps";
    action.deploy.script.install_script = "echo install $APP_VERSION | tee -a history";
    action.deploy.script.update_script =
        "echo update $CURRENT_VERSION to $APP_VERSION | tee -a history";
    action.deadline = Seconds{60};
    return action;
}

class HostLoopTest : public testing::Test {
protected:
    Action action(const std::string& id, const std::string& version) const {
        return make_action(dir_, id, version);
    }
    std::string history() const { return read_text(dir_ / "apps/shop/history"); }

    TempDir dir_;
};

}  // namespace tidegate::agent::test
