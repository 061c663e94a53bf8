#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "cli/console.h"
#include "reconciler/store/store.h"
#include "tests/integration/cli/fixture.h"
#include "transport/key_files.h"
#include "transport/pki.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

/// Answers each connection's one line with what `answers` says for its verb.
class FakeDaemon {
public:
    FakeDaemon(const std::filesystem::path& data_dir, std::map<std::string, json> answers)
        : answers_{std::move(answers)}, socket_{::socket(AF_UNIX, SOCK_STREAM, 0)} {
        std::filesystem::create_directories(data_dir / "run");
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const auto path = (data_dir / "run" / "admin.sock").string();
        ::unlink(path.c_str());
        std::memcpy(address.sun_path, path.data(), path.size());
        EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(socket_, 8), 0);
        thread_ = std::thread{[this] { serve(); }};
    }
    ~FakeDaemon() {
        ::shutdown(socket_, SHUT_RDWR);
        thread_.join();
        ::close(socket_);
    }
    [[nodiscard]] const std::vector<json>& asked() const { return asked_; }

private:
    void serve() {
        for (int peer; (peer = ::accept(socket_, nullptr, nullptr)) >= 0; ::close(peer)) {
            std::string line;
            for (char byte; line.find('\n') == std::string::npos && ::read(peer, &byte, 1) == 1;)
                line += byte;
            asked_.push_back(json::parse(line, nullptr, false));
            const auto found = answers_.find(asked_.back().value("verb", ""));
            const auto text =
                (found == answers_.end() ? json{{"ok", false}, {"error", "?"}} : found->second)
                    .dump() +
                '\n';
            EXPECT_EQ(::write(peer, text.data(), text.size()), static_cast<ssize_t>(text.size()));
        }
    }

    std::map<std::string, json> answers_;
    std::vector<json> asked_;
    int socket_;
    std::thread thread_;
};

json good(json result) { return {{"ok", true}, {"result", std::move(result)}}; }

struct AdminTest : testing::Test {
    test::TempDir dir;
    std::string data = dir.path().string();

    /// A CA and a daemon's certificate that hold for so long from now on.
    void make_pki(std::chrono::hours ca_holds, std::chrono::hours server_holds,
                  std::chrono::hours ca_ahead = {}) {
        const auto now = std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
        const auto ca = transport::make_ca({now + ca_ahead, ca_holds}).value();
        const auto server = transport::issue_daemon(ca, {now, server_holds}).value();
        std::filesystem::create_directories(dir.path() / "pki");
        for (const auto& [name, made] : {std::pair{"ca.crt", ca}, std::pair{"server.crt", server}})
            ASSERT_TRUE(
                transport::write_private_file(dir.path() / "pki" / name, made.certificate_pem));
    }
    /// What doctor says of certificates while these agents are known, and what they are given lasts
    /// for so long; null: a daemon that does not say.
    json certificates(const json& agents, const json& ttl = nullptr) {
        FakeDaemon daemon{data,
                          {{"info", good({{"version", "1"}, {"certificate_ttl", ttl}})},
                           {"agents", good({{"items", agents}})}}};
        const auto found = tidegate({"doctor", "--data-dir", data, "--output", "json"}).json();
        for (const auto& check : found["checks"])
            if (check["check"] == "certificates") return check;
        return {};
    }
};

TEST_F(AdminTest, TheTokenStandsAloneOnTheLastLine) {
    FakeDaemon daemon{data, {{"enroll", good({{"token", "tg1.abc"}})}}};
    const auto outcome =
        tidegate({"enroll", "web-1", "--data-dir", data, "--ttl", "10m", "--replace"});
    EXPECT_EQ(outcome.code, kGood) << outcome.err;
    EXPECT_EQ(outcome.out, "tg1.abc\n");
    const auto arguments = daemon.asked().at(0)["args"];
    EXPECT_EQ(arguments["agent"], "web-1");
    EXPECT_EQ(arguments["ttl"], 600);
    EXPECT_EQ(arguments["replace"], true);
    EXPECT_NE(arguments["actor"], "");
}

TEST_F(AdminTest, ARefusalIsAProblem) {
    FakeDaemon daemon{
        data, {{"enroll", {{"ok", false}, {"code", "denied"}, {"error", "web-1 is enrolled"}}}}};
    const auto outcome = tidegate({"enroll", "web-1", "--data-dir", data});
    EXPECT_EQ(outcome.code, kProblem);
    EXPECT_NE(outcome.err.find("web-1 is enrolled"), std::string::npos);
}

TEST_F(AdminTest, ListsAgents) {
    FakeDaemon daemon{data,
                      {{"agents", good({{"items",
                                         {{{"name", "web-1"}, {"status", "online"}},
                                          {{"name", "web-2"},
                                           {"status", "offline"},
                                           {"revoked_at", "2026-11-22T00:00:00Z"},
                                           {"revoke_reason", "gone"}}}}})}}};
    const auto outcome = tidegate({"agents", "list", "--data-dir", data});
    EXPECT_EQ(outcome.code, kGood);
    EXPECT_NE(outcome.out.find("web-2  revoked"), std::string::npos) << outcome.out;
}

TEST_F(AdminTest, NoDaemonCannotBeReached) {
    EXPECT_EQ(tidegate({"agents", "list", "--data-dir", data}).code, kUnreachable);
    EXPECT_EQ(tidegate({"accept", "--commit", "a", "--reason", "b", "--data-dir", data}).code,
              kUnreachable);
    EXPECT_EQ(tidegate({"audit", "verify", "--data-dir", data}).code, kUnreachable);
}

TEST_F(AdminTest, WithoutADaemonTheAuditLogIsReadFromTheStore) {
    {
        const auto store = make_store("", data);
        ASSERT_TRUE(store);
        Batch batch;
        batch.audit.push_back({Timestamp{}, "dana", "release.started", "prod/shop-api", "", "{}"});
        ASSERT_TRUE((*store)->commit(std::span{&batch, 1}));
    }
    const auto outcome = tidegate({"audit", "verify", "--data-dir", data, "--output", "json"});
    EXPECT_EQ(outcome.code, kGood) << outcome.err;
    EXPECT_EQ(outcome.json()["rows"], 1);
    EXPECT_EQ(outcome.json()["read_by"], "store");
}

TEST_F(AdminTest, AStoreThatIsNotThereIsNeitherVerifiedNorMade) {
    for (const auto& store : {"sqlite:" + data + "/typo.sqlite", std::string{"memory:"}}) {
        const auto outcome = tidegate({"audit", "verify", "--data-dir", data, "--store", store});
        EXPECT_EQ(outcome.code, kProblem) << store << outcome.out;
        EXPECT_EQ(outcome.out, "");
        EXPECT_NE(outcome.err.find("store"), std::string::npos) << outcome.err;
    }
    EXPECT_EQ(tidegate({"doctor", "--data-dir", data}).code, kProblem);
    EXPECT_TRUE(std::filesystem::is_empty(data));
}

/// Of an agent, on its host.
class AgentDoctorTest : public AdminTest {
protected:
    AgentDoctorTest() {
        std::filesystem::create_directories(data + "/journal");
        std::filesystem::create_directories(data + "/pki");
        std::filesystem::permissions(data + "/pki", std::filesystem::perms{0700});
        test::write_text(data + "/journal/log", "");
    }
    std::string found(const std::string& wanted) {
        const auto outcome = tidegate({"doctor", "--data-dir", data, "--output", "json"});
        const auto report = outcome.json();
        for (const auto& check : report["checks"])
            if (check["check"] == wanted)
                return check["state"].get<std::string>() + ": " + check["found"].get<std::string>();
        return outcome.out;
    }
};

TEST_F(AgentDoctorTest, TellsWhatScriptsCanRead) {
    EXPECT_EQ(found("scripts"), "doubtful: the agent has not said it yet: start it");
    test::write_text(data + "/exposure", "scripts can read all of it\n");
    EXPECT_EQ(found("scripts"), "doubtful: scripts can read all of it");
    test::write_text(data + "/exposure", "\n");
    EXPECT_EQ(found("scripts"), "good: they cannot");
}

TEST_F(AgentDoctorTest, TellsWhetherHaproxyLoadsTheStateFiles) {
    EXPECT_EQ(found("state files"), "good: nothing to say against it");
    test::write_text(data + "/routers", "loaded a\nunknown b\n\nloaded\n");
    EXPECT_EQ(found("state files"), "doubtful: b");
    test::write_text(data + "/routers", "not_loaded a\nunknown b\n");
    EXPECT_EQ(found("state files"), "bad: a; b");
}

TEST_F(AdminTest, DoctorCallsNoTipGoodBeforeOneWasRead) {
    const auto tip = [&](const json& info) {
        FakeDaemon daemon{data,
                          {{"info", good(info)}, {"agents", good({{"items", json::array()}})}}};
        const auto report = tidegate({"doctor", "--data-dir", data, "--output", "json"}).json();
        for (const auto& check : report["checks"])
            if (check["check"] == "config tip")
                return check["state"].get<std::string>() + ": " + check["found"].get<std::string>();
        return std::string{};
    };
    EXPECT_EQ(tip({{"accepted", "c1"}, {"held", ""}, {"tip", ""}}),
              "doubtful: no tip was read yet");
    EXPECT_EQ(tip({{"accepted", "c1"}, {"held", ""}, {"tip", "c1"}}), "good: taken");
    EXPECT_EQ(tip({{"accepted", ""}, {"held", "forced"}, {"tip", "c2"}}), "bad: forced");
    EXPECT_EQ(tip({{"accepted", ""}, {"held", ""}}), "doubtful: no tip was read yet")
        << "a former one";
    EXPECT_EQ(tip({{"accepted", "c1"}, {"held", ""}}), "good: taken") << "a former one";
}

TEST_F(AdminTest, DoctorLooksAtCertificates) {
    using std::chrono_literals::operator""h;
    const auto in = [](std::chrono::hours time) {
        return format_rfc3339(
            std::chrono::floor<Milliseconds>(std::chrono::system_clock::now() + time));
    };
    const auto agents = [&](std::chrono::hours time) {
        return json{
            {{"name", "web-1"}, {"certificate_expires_at", in(time)}},
            {{"name", "web-2"}, {"certificate_expires_at", nullptr}},
            {{"name", "gone"}, {"certificate_expires_at", in(-99h)}, {"revoked_at", in(-9h)}}};
    };
    const auto expect = [&](const json& listed, const char* state, const char* found,
                            const json& ttl = nullptr) {
        const auto check = certificates(listed, ttl);
        EXPECT_EQ(check["state"], state) << check;
        EXPECT_NE(check["found"].get<std::string>().find(found), std::string::npos) << check;
    };
    expect(json::array(), "bad", "ca.crt");  // a daemon without its CA
    make_pki(24h * 31, 24h * 31);
    expect(agents(48h), "good", "they do");
    expect(agents(23h), "doubtful", "web-1 expires at ");
    expect(agents(-1h), "bad", "web-1 expired at ");
    // Of a day's life a third is left when it is renewed.
    expect(agents(8h), "good", "they do", 24 * 3600);
    expect(agents(5h), "doubtful", "web-1 expires at ", 24 * 3600);
    expect(agents(23h), "doubtful", "web-1 expires at ", 168 * 3600);
    make_pki(24h * 31, 24h * 29);
    expect(agents(48h), "bad", "server expires at ");
    make_pki(24h * 29, 24h * 31);
    expect(agents(48h), "bad", "ca expires at ");
    make_pki(24h * 365, 24h * 31, 24h);  // made while the clock was a day ahead
    expect(agents(48h), "bad", "ca begins only at ");
    expect(agents(48h), "bad", "check the clock");
    make_pki(24h * 365, 24h * 31);
    expect(agents(48h), "good", "they do");
}

TEST_F(AdminTest, DoctorNamesWhatIsBad) {
    make_pki(std::chrono::hours{24 * 365}, std::chrono::hours{24 * 365});
    FakeDaemon daemon{data,
                      {{"info", good({{"version", "1"},
                                      {"fenced", false},
                                      {"accepted", "abc"},
                                      {"held", "was main force-pushed?"},
                                      {"agents_address", "127.0.0.1:1"}})},
                       {"audit", good({{"rows", 3}, {"hash", "ff"}})},
                       {"agents", good({{"items", json::array()}})}}};
    const auto outcome = tidegate({"doctor", "--data-dir", data, "--output", "json"});
    EXPECT_EQ(outcome.code, kProblem);
    std::set<std::string> bad;
    const auto found = outcome.json();
    for (const auto& check : found["checks"])
        if (check["state"] == "bad") bad.insert(check["check"]);
    EXPECT_EQ(bad, (std::set<std::string>{"config tip"})) << outcome.out;
}

}  // namespace
}  // namespace tidegate::cli
