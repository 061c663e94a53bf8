/// The agent's program against a real fleet: what it does on its host, and what comes over the
/// link.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/agent/http_service.h"
#include "tests/integration/fleet/support.h"

namespace tidegate {
namespace {

using agent::test::HttpService;

/// One process of tidegate-agent, which ends with it.
class AgentProgram {
public:
    AgentProgram(std::uint16_t port, const std::string& data_dir, const std::string& token_file) {
        const auto server = "127.0.0.1:" + std::to_string(port);
        pid_ = ::fork();
        if (pid_ != 0) return;
        ::execl(TIDEGATE_BINARY_DIR "/tidegate-agent", "tidegate-agent", "--server", server.c_str(),
                "--name", "web-1", "--data-dir", data_dir.c_str(), "--token-file",
                token_file.c_str(), "--allow-root", "--drift-interval", "1", nullptr);
        ::_exit(127);
    }
    AgentProgram(const AgentProgram&) = delete;
    AgentProgram& operator=(const AgentProgram&) = delete;
    ~AgentProgram() { end(SIGTERM); }

    void end(int signal) {
        if (pid_ <= 0) return;
        ::kill(pid_, signal);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

private:
    pid_t pid_ = 0;
};

class AgentProgramTest : public FleetTest {
protected:
    AgentProgramTest() {
        start_fleet();
        test::write_text(host_ / "token", token("web-1"));
        start_agent();
    }

    void start_agent() {
        program_.reset();
        program_ = std::make_unique<AgentProgram>(port, host_ / "agent", host_ / "token");
        connected_again();
    }
    void connected_again() {
        const auto before = handler.connected.size();
        ASSERT_TRUE(until([&] { return handler.connected.size() > before; }));
    }
    [[nodiscard]] Action deploy() const {
        auto made = action(Digest::of("deploy").hex());
        made.digest = Digest::of("1.4.2");
        made.deploy.script.work_dir = host_ / "shop";
        made.deploy.script.install_script = "touch up";
        made.deploy.script.service.status = "[ -e up ]";
        return made;
    }
    /// One second between its tries.
    [[nodiscard]] Action watch(Seconds watch_for, const std::string& body) const {
        auto made = action(Digest::of(body).hex());
        made.kind = ActionKind::verify;
        made.digest = Digest::of("1.4.2");
        made.deploy.script.work_dir = host_ / "shop";
        made.watch_for = watch_for;
        auto& check = made.verify.emplace_back();
        check.type = CheckType::script;
        check.script = body;
        check.retry = 0;
        check.interval = Seconds{1};
        return made;
    }
    void run(const Action& wanted) { ASSERT_TRUE(fleet->send("web-1", wire::Run{7, wanted, {}})); }
    /// Of results that came by themselves, and of those in inventories.
    [[nodiscard]] const ActionResult* result_of(const Action& wanted) const {
        for (const auto& result : handler.results)
            if (result.id == wanted.id) return &result;
        for (const auto& [hello, inventory] : handler.connected)
            for (const auto& result : inventory.results)
                if (result.id == wanted.id) return &result;
        return nullptr;
    }
    ActionResult ended(const Action& wanted) {
        EXPECT_TRUE(until([&] { return result_of(wanted) != nullptr; }));
        const auto* result = result_of(wanted);
        return result ? *result : ActionResult{};
    }
    [[nodiscard]] auto tries() const {
        const auto text = test::read_text(host_ / "shop/tries");
        return std::count(text.begin(), text.end(), '\n');
    }

    test::TempDir host_;
    std::unique_ptr<AgentProgram> program_;
};

TEST_F(AgentProgramTest, VerifiesAndSaysThatItCan) {
    const auto& can = handler.connected.back().first.capabilities;
    EXPECT_TRUE(std::ranges::count(can, kVerifyCapability));
    run(deploy());
    const auto installed = ended(deploy()).installation;
    const auto wanted = watch(Seconds{2}, "echo $TARGET_NAME >> tries");
    run(wanted);
    const auto result = ended(wanted);
    EXPECT_EQ(result.outcome, ActionOutcome::done) << result.error;
    EXPECT_EQ(result.kind, ActionKind::verify);
    EXPECT_EQ(result.installation, installed);
    EXPECT_GE(tries(), 2);
    ASSERT_FALSE(handler.updates.empty());
    EXPECT_EQ(handler.updates.back().id, wanted.id);
}

TEST_F(AgentProgramTest, TakesRoutesAndKeepsThem) {
    const auto& can = handler.connected.back().first.capabilities;
    EXPECT_TRUE(std::ranges::count(can, kHaproxyCapability));
    EXPECT_TRUE(std::ranges::count(can, kScriptRouterCapability));
    Route route;
    route.key = {"prod", "shop"};
    route.target = "lb-1";
    route.revision = 5;
    route.router = RouterType::script;
    route.route_script = "echo $WEIGHT_NEW >> $OUT";
    route.weight_new = 25;
    route.variables = {{"OUT", host_ / "out"}};
    ASSERT_TRUE(fleet->send("web-1", wire::SetRoute{7, route, false}));
    ASSERT_TRUE(until([&] { return !handler.routed.empty(); }));
    const auto told = handler.routed.back();
    EXPECT_TRUE(told.in_force) << told.error;
    EXPECT_EQ(told.revision, 5U);
    EXPECT_EQ(test::read_text(host_ / "out"), "25\n");
    program_->end(SIGKILL);
    start_agent();
    ASSERT_EQ(handler.connected.back().second.routes.size(), 1U);
    EXPECT_EQ(handler.connected.back().second.routes[0].revision, 5U);
    ASSERT_TRUE(fleet->send("web-1", wire::SetRoute{7, route, true}));
    route.revision = 6;
    route.route_script = "exit 3";
    ASSERT_TRUE(fleet->send("web-1", wire::SetRoute{7, route, false}));
    ASSERT_TRUE(until([&] { return handler.routed.back().revision == 6; }));
    EXPECT_EQ(handler.routed.back().error, "route_script: exit code 3");
}

TEST_F(AgentProgramTest, AServerThatTurnsBadEndsAVerifyWithWhatItSaid) {
    HttpService service;
    service.good_answers = 2;
    auto wanted = watch(Seconds{600}, "");
    auto& check = wanted.verify[0];
    check.type = CheckType::http;
    check.url = service.url();
    check.retry = 1;
    run(wanted);
    const auto result = ended(wanted);
    EXPECT_EQ(result.outcome, ActionOutcome::failed);
    EXPECT_EQ(result.error, "verify/http check: " + service.url() +
                                " answered 500, wanted 2xx or 3xx: the database is away"
                                " (2 tries in a row failed, 2 were good before)");
}

TEST_F(AgentProgramTest, AVerifyGoesOnWithoutALinkAndIsToldOnceItIsBack) {
    const auto wanted = watch(Seconds{2}, "echo x >> tries");
    run(wanted);
    ASSERT_TRUE(until([&] { return tries() > 0; }));
    fleet.reset();
    ASSERT_TRUE(until([&] { return tries() >= 3; })) << "the last one comes when the time is up";
    EXPECT_FALSE(result_of(wanted));
    start_fleet();
    EXPECT_EQ(ended(wanted).outcome, ActionOutcome::done);
}

TEST_F(AgentProgramTest, AVerifyThatIsAskedForAgainGoesOn) {
    const auto wanted = watch(Seconds{600}, "echo x >> tries");
    run(wanted);
    ASSERT_TRUE(until([&] { return tries() > 0; }));
    fleet.reset();
    start_fleet();
    connected_again();
    EXPECT_EQ(handler.connected.back().second.running, std::vector{wanted.id});
    run(wanted);
    ASSERT_TRUE(fleet->send("web-1", wire::Cancel{7, wanted.id}));
    const auto result = ended(wanted);
    EXPECT_EQ(result.outcome, ActionOutcome::cancelled);
    EXPECT_EQ(result.error, "cancelled");
}

TEST_F(AgentProgramTest, KilledInTheMiddleOfAVerifyItSaysSo) {
    run(deploy());
    const auto installed = ended(deploy()).installation;
    const auto wanted = watch(Seconds{600}, "echo x >> tries");
    run(wanted);
    ASSERT_TRUE(until([&] { return tries() > 0; }));
    program_->end(SIGKILL);
    start_agent();
    const auto result = ended(wanted);
    EXPECT_EQ(result.outcome, ActionOutcome::cancelled);
    EXPECT_EQ(result.error, "interrupted: the agent stopped");
    EXPECT_EQ(result.installation, installed);
}

TEST_F(AgentProgramTest, DriftDuringAVerifyIsToldAndANewerActionEndsIt) {
    run(deploy());
    ended(deploy());
    const auto wanted = watch(Seconds{600}, "echo x >> tries");
    run(wanted);
    ASSERT_TRUE(until([&] { return tries() > 0; }));
    std::filesystem::remove(host_ / "shop/up");
    ASSERT_TRUE(until([&] { return !handler.changed.empty(); }));
    EXPECT_TRUE(handler.changed.front().drifted);
    EXPECT_FALSE(result_of(wanted));
    auto newer = deploy();
    newer.id = Digest::of("newer").hex();
    run(newer);
    EXPECT_EQ(ended(newer).outcome, ActionOutcome::done);
    const auto result = ended(wanted);
    EXPECT_EQ(result.outcome, ActionOutcome::cancelled);
    EXPECT_EQ(result.error, "a newer action came");
}

}  // namespace
}  // namespace tidegate
