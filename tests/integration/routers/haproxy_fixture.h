#pragma once
/// The real HAProxy before two versions of a service.

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/routers/haproxy.h"
#include "agent/routers/runtime_socket.h"
#include "tests/integration/routers/unix_server.h"
#include "tests/integration/temp_dir.h"

namespace tidegate::agent::test {

using tidegate::test::read_text;
using tidegate::test::TempDir;
using tidegate::test::write_text;

/// Answers every request with its name.
class Version {
public:
    explicit Version(const std::string& name) {
        server_.Get("/",
                    [name](const auto&, auto& answer) { answer.set_content(name, "text/plain"); });
        server_.set_keep_alive_max_count(1);
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::jthread{[this] { server_.listen_after_bind(); }};
    }
    ~Version() { server_.stop(); }
    int port() const { return port_; }

private:
    httplib::Server server_;
    int port_ = 0;
    std::jthread thread_;
};

/// The real one, before two versions of a service.
class HaproxyTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(std::system("haproxy -v > /dev/null"), 0) << "script/bootstrap installs it";
    }
    ~HaproxyTest() override { stop(); }

    void start(const std::string& level = "admin", bool keeps = true) {
        write_text(dir_ / "cfg",
                   fmt::format("global\n  nbthread 1\n  stats socket {0}/sock mode 600 level {1}\n"
                               "  server-state-file {0}/state\n"
                               "defaults\n  mode http\n  timeout connect 5s\n  timeout client 20s\n"
                               "  timeout server 20s\n  {2}\n"
                               "frontend f\n  bind unix@{0}/front\n  default_backend shop\n"
                               "backend shop\n"
                               "  server web-1-blue 127.0.0.1:{3} weight 100\n"
                               "  server web-1-green 127.0.0.1:{4} weight 0\n"
                               "  server dead 127.0.0.1:1 weight 0 check inter 10ms\n"
                               "backend empty\n"
                               "backend many\n"
                               "  server-template a-server-with-a-long-name- 1-1000 127.0.0.1:{3} "
                               "weight 0\n",
                               dir_.path().string(), level,
                               keeps ? "load-server-state-from-file global" : "", blue_.port(),
                               green_.port()));
        run();
    }
    void run() {
        pid_ = ::fork();
        if (pid_ == 0) {
            ::freopen((dir_ / "log").c_str(), "a", stderr);
            ::execlp("haproxy", "haproxy", "-W", "-db", "-S", (dir_ / "master").c_str(), "-f",
                     (dir_ / "cfg").c_str(), nullptr);
            ::_exit(127);
        }
        ASSERT_NE(await_worker(""), "") << read_text(dir_ / "log");
        ASSERT_TRUE(await_master()) << read_text(dir_ / "log");
    }
    void stop() {
        if (pid_ == 0) return;
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    void reload() {
        const auto before = await_worker("");
        ::kill(pid_, SIGUSR2);
        ASSERT_NE(await_worker(before), "") << read_text(dir_ / "log");
    }
    /// It starts itself anew once its worker runs, and loses what it is told until then.
    bool await_master() const {
        const auto end = std::chrono::steady_clock::now() + kPatience;
        while (std::chrono::steady_clock::now() < end) {
            const auto master = unix_socket(dir_ / "master", false);
            char answer = 0;
            if (::send(master.get(), "show proc\n", 10, MSG_NOSIGNAL) == 10 &&
                ::recv(master.get(), &answer, 1, 0) == 1)
                return true;
            ::poll(nullptr, 0, 10);
        }
        return false;
    }
    /// The process that answers, once that is another.
    std::string await_worker(const std::string& before) const {
        const auto end = std::chrono::steady_clock::now() + kPatience;
        while (std::chrono::steady_clock::now() < end) {
            const auto info = ask_runtime(dir_ / "sock", "show info", kPatience).value_or("");
            const auto at = info.find("\nPid: ");
            const auto now =
                at == info.npos ? "" : info.substr(at + 6, info.find('\n', at + 6) - at);
            if (!now.empty() && now != before) return now;
            ::poll(nullptr, 0, 10);
        }
        return "";
    }

    RouterRules rules() const {
        return {{dir_ / "sock"}, {"shop", "empty", "nobody", "many"}, {dir_ / "state"}};
    }
    Haproxy shop(const std::string& state_file = "state") const {
        auto opened = Haproxy::open(
            rules(), {dir_ / "sock", "shop", state_file.empty() ? "" : dir_ / state_file});
        return *std::move(opened);
    }
    HaproxyServer look(const std::string& server) const {
        const auto all = shop().look();
        for (const auto& each : all.value_or(std::vector<HaproxyServer>{}))
            if (each.name == server) return each;
        ADD_FAILURE() << server << (all ? "" : ": " + all.error().text());
        return {};
    }
    std::string order(const std::string& line) const {
        return ask_runtime(dir_ / "sock", line, kPatience).value_or("away");
    }

    /// Who answered; empty: nobody did.
    std::string request() const {
        const auto front = unix_socket(dir_ / "front", false);
        constexpr std::string_view kText = "GET / HTTP/1.0\r\n\r\n";
        if (::send(front.get(), kText.data(), kText.size(), MSG_NOSIGNAL) < 0) return "";
        std::string answer(4096, '\0');
        std::size_t size = 0;
        for (ssize_t got = 1; got > 0 && size < answer.size();
             size += static_cast<std::size_t>(got))
            if ((got = ::recv(front.get(), &answer[size], answer.size() - size, 0)) < 0) return "";
        answer.resize(size);
        return answer.find(" 200 ") == answer.npos ? "" : answer.substr(answer.rfind('\n') + 1);
    }
    std::map<std::string, int> count(int requests) const {
        std::map<std::string, int> answered;
        for (int i = 0; i < requests; ++i) ++answered[request()];
        return answered;
    }

    TempDir dir_;
    Version blue_{"blue"};
    Version green_{"green"};
    pid_t pid_ = 0;
};

}  // namespace tidegate::agent::test
