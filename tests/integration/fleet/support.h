#pragma once
/// A real fleet and real agent sessions on one loop, over UDP on loopback, with a store in memory.

#include <algorithm>
#include <asio/post.hpp>

#include "agent/session/session.h"
#include "reconciler/fleet/fleet.h"
#include "reconciler/store/memory_store.h"
#include "schema/wire/frame.h"
#include "schema/wire/token.h"
#include "tests/integration/temp_dir.h"
#include "tests/integration/transport/support.h"

namespace tidegate {

using transport::value;
using transport::wall_now;

/// Persists for real and writes down what it is told.
struct TestFleetHandler : FleetHandler {
    asio::io_context& io;
    MemoryStore store;
    bool store_fails = false;
    bool store_holds = false;  ///< answers wait for `release`
    std::vector<std::function<void()>> held;

    std::vector<std::pair<Hello, Inventory>> connected;
    std::vector<Installation> changed;
    std::vector<ActionUpdate> updates;
    std::vector<ActionResult> results;
    std::vector<std::uint64_t> fenced;
    std::vector<RouteReport> routed;
    std::map<std::string, std::string> logs;
    std::vector<std::string> stopping;
    std::vector<std::string> disconnected;  ///< "agent: reason"
    std::vector<std::set<std::string>> heard_of;
    std::vector<transport::Credential> renewed_servers;
    std::vector<std::string> alerts;
    std::vector<std::string> notices;

    explicit TestFleetHandler(asio::io_context& loop) : io{loop} {}

    void persist(Batch batch, std::function<void(Result<void>)> done) override {
        const auto answer = [this, batch, done] {
            if (store_fails) return done(fail(ErrorCode::exhausted, "the disk is full"));
            const auto committed = store.commit({&batch, 1});
            done(committed ? Result<void>{} : Result<void>{fail(committed.error())});
        };
        if (store_holds)
            held.push_back(answer);
        else
            asio::post(io, answer);
    }
    void release() {
        for (const auto& answer : std::exchange(held, {})) asio::post(io, answer);
    }
    void on_connected(const Hello& hello, Inventory inventory) override {
        connected.emplace_back(hello, std::move(inventory));
    }
    void on_changed(const std::string&, std::vector<Installation> all) override {
        changed.insert(changed.end(), all.begin(), all.end());
    }
    void on_update(const std::string&, const ActionUpdate& update) override {
        updates.push_back(update);
    }
    void on_result(const std::string&, const ActionResult& result) override {
        results.push_back(result);
    }
    void on_fenced(const std::string&, std::uint64_t epoch) override { fenced.push_back(epoch); }
    void on_routed(const std::string&, const RouteReport& report) override {
        routed.push_back(report);
    }
    void on_log(const std::string& agent, const std::string& action,
                std::string_view bytes) override {
        logs[agent + '/' + action] += bytes;
    }
    void on_stopping(const std::string& agent) override { stopping.push_back(agent); }
    void on_disconnected(const std::string& agent, const std::string& reason) override {
        disconnected.push_back(agent + ": " + reason);
    }
    void on_server_renewed(const transport::Credential& server, const Renewal& renewal) override {
        if (renewal.clock_doubted) alerts.push_back(renewal.text);
        renewed_servers.push_back(server);
    }
    void on_heard(const std::set<std::string>& agents) override { heard_of.push_back(agents); }
    void on_alert(const std::string& agent, const std::string& text) override {
        alerts.push_back(agent + ": " + text);
    }
    void on_notice(const std::string& agent, const std::string& text) override {
        notices.push_back(agent + ": " + text);
    }
    [[nodiscard]] bool alerted(std::string_view text) const {
        return std::ranges::any_of(
            alerts, [&](const auto& alert) { return alert.find(text) != std::string::npos; });
    }
};

inline Installation installation(const std::string& target) {
    Installation item;
    item.key = {target, "shop-api", ""};
    item.status = InstallStatus::installed;
    item.version = "1.4.2";
    return item;
}

inline Action action(const std::string& id, const std::string& target = "web-1") {
    Action item;
    item.id = id;
    item.release = "r1";
    item.key = {target, "shop-api", ""};
    item.environment = "prod";
    item.version = "1.4.2";
    return item;
}

inline ActionResult result(const std::string& id) {
    ActionResult item;
    item.id = id;
    item.release = "r1";
    item.installation = installation("web-1");
    return item;
}

struct TestSessionHandler : SessionHandler {
    Hello greeting;
    Inventory all;

    std::vector<std::uint64_t> connected;
    std::vector<std::pair<Action, std::uint64_t>> runs;
    std::vector<std::string> cancelled;
    std::vector<Route> routes;
    std::vector<std::string> acknowledged;
    std::vector<std::string> disconnected;
    std::vector<std::string> notices;
    std::optional<Error> stopped;

    Hello hello() override { return greeting; }
    Inventory inventory() override { return all; }
    void on_connected(std::uint64_t epoch, bool) override { connected.push_back(epoch); }
    void on_run(Action run, std::uint64_t epoch) override { runs.emplace_back(run, epoch); }
    void on_unreadable_run(Action, std::uint64_t, const std::string&) override {}
    void on_cancel(const std::string& id, std::uint64_t) override { cancelled.push_back(id); }
    void on_route(const Route& route, std::uint64_t, bool, const std::string&) override {
        routes.push_back(route);
    }
    void on_ack(const std::vector<std::string>& ids) override {
        acknowledged.insert(acknowledged.end(), ids.begin(), ids.end());
    }
    void on_disconnected(const std::string& reason) override { disconnected.push_back(reason); }
    void on_notice(const std::string& text) override { notices.push_back(text); }
    void on_stopped(const Error& error) override { stopped = error; }
    [[nodiscard]] bool noticed(std::string_view text) const {
        return std::ranges::any_of(
            notices, [&](const auto& notice) { return notice.find(text) != std::string::npos; });
    }
};

/// One agent: its directory, its handler, its session.
struct TestAgent {
    test::TempDir dir;
    TestSessionHandler handler;
    std::unique_ptr<Session> session;
};

class FleetTest : public testing::Test {
protected:
    asio::io_context io;
    test::TempDir data_dir;
    TestFleetHandler handler{io};
    FleetOptions options = base_options();
    std::uint16_t port = 0;
    std::unique_ptr<Fleet> fleet;

    FleetOptions base_options() {
        FleetOptions made;
        made.host = "127.0.0.1";
        made.pki = value(open_pki(data_dir.path(), wall_now()));
        made.epoch = 7;
        made.hello_timeout = Seconds{2};
        return made;
    }
    void start_fleet() {
        fleet.reset();
        options.port = port;
        options.tokens = value(handler.store.load(Table::token));
        options.agents = value(handler.store.load(Table::agent));
        fleet = value(Fleet::start(io, options, handler));
        const auto address = fleet->local_address();
        port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    }
    std::string token(const std::string& agent, bool replace = false, Seconds ttl = Seconds{600}) {
        std::optional<Result<std::string>> made;
        fleet->create_token({agent, ttl, replace, "alice"}, [&](auto text) { made = text; });
        EXPECT_TRUE(until([&] { return made.has_value(); }));
        return value(*made);
    }
    SessionOptions session_options(const TestAgent& agent, const std::string& name,
                                   const std::string& with_token) {
        SessionOptions made;
        made.host = "127.0.0.1";
        made.port = port;
        made.agent = name;
        made.data_dir = agent.dir.path();
        made.token = with_token;
        made.heartbeat = Milliseconds{200};
        made.backoff_min = Milliseconds{10};
        made.backoff_max = Milliseconds{500};
        return made;
    }
    void start_agent(TestAgent& agent, const std::string& name, const std::string& with_token) {
        agent.handler.greeting.agent = name;
        if (agent.handler.greeting.boot_id.empty()) agent.handler.greeting.boot_id = "boot-" + name;
        agent.session =
            value(Session::start(io, session_options(agent, name, with_token), agent.handler));
    }
    /// Enrolled and connected, with its inventory here.
    void join(TestAgent& agent, const std::string& name) {
        const auto before = handler.connected.size();
        start_agent(agent, name, token(name));
        ASSERT_TRUE(until([&] { return handler.connected.size() > before; }));
        ASSERT_TRUE(until([&] { return agent.session->connected(); }));
    }
    /// A certificate of the fleet's CA, past all rules.
    [[nodiscard]] transport::Credential credential(const std::string& name,
                                                   transport::Validity validity) const {
        auto key = value(transport::make_key());
        const auto csr = value(transport::make_csr(key, name));
        return {value(transport::sign_agent(options.pki.ca, csr, name, validity)), key};
    }
    [[nodiscard]] transport::Credential credential(const std::string& name) const {
        return credential(name, transport::valid_for(transport::kDay));
    }
    [[nodiscard]] transport::ClientOptions client_options(transport::Credential agent) const {
        transport::ClientOptions made;
        made.host = "127.0.0.1";
        made.port = port;
        made.trust = transport::PinnedCa{options.pki.ca.certificate_pem};
        made.agent = std::move(agent);
        return made;
    }
    bool until(const std::function<bool()>& condition, Seconds deadline = Seconds{20}) {
        return transport::run_until(io, condition, deadline);
    }
};

/// A peer that speaks the protocol by hand.
struct RawAgent : transport::TestClient {
    transport::Exchange session;

    void open(asio::io_context& io, transport::ClientOptions options) {
        connect(io, std::move(options));
        ask(session, {"POST", "/v1/session", {}, true});
    }
    void say(const wire::AgentMessage& message) {
        session.stream.send(wire::frame(value(wire::encode(message))));
    }
    /// Hello and an empty inventory.
    void greet(const std::string& name, const std::string& boot_id) {
        Hello hello;
        hello.agent = name;
        hello.boot_id = boot_id;
        say(hello);
        say(wire::InventoryPiece{{}, true});
    }
    /// What the daemon said so far.
    [[nodiscard]] std::vector<wire::DaemonMessage> heard() const {
        wire::FrameReader reader;
        reader.push(session.body);
        std::vector<wire::DaemonMessage> messages;
        for (auto next = value(reader.next()); next; next = value(reader.next()))
            messages.push_back(value(wire::decode_daemon(*next)));
        return messages;
    }
};

}  // namespace tidegate
