#include "agent/tasks/health_check.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <thread>

namespace tidegate::agent {
namespace {

using Clock = std::chrono::steady_clock;

/// Accepts one connection, says `head`, then `drip` forever (nothing at all if that is empty).
class DrippingServer {
public:
    explicit DrippingServer(std::string head, std::string drip)
        : head_{std::move(head)}, drip_{std::move(drip)} {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
        ::listen(listener_, 4);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::jthread{[this](const std::stop_token& stop) { serve(stop); }};
    }
    ~DrippingServer() {
        thread_.request_stop();
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    int port() const { return port_; }

private:
    void serve(const std::stop_token& stop) const {
        const int client = ::accept(listener_, nullptr, nullptr);
        if (client < 0) return;
        ::send(client, head_.data(), head_.size(), MSG_NOSIGNAL);
        while (!stop.stop_requested()) {
            if (::send(client, drip_.data(), drip_.size(), MSG_NOSIGNAL) < 0) break;
            if (drip_.size() <= 1) std::this_thread::sleep_for(std::chrono::milliseconds{20});
        }
        ::close(client);
    }

    std::string head_;
    std::string drip_;
    int listener_ = -1;
    int port_ = 0;
    std::jthread thread_;
};

class HealthCheckTest : public testing::Test {
protected:
    HealthCheckTest() {
        server_.Get("/health", [this](const httplib::Request&, httplib::Response& response) {
            response.status = status_;
            if (!body_.empty()) response.set_content(body_, "text/plain");
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::jthread{[this] { server_.listen_after_bind(); }};
        while (!server_.is_running()) std::this_thread::yield();
    }
    ~HealthCheckTest() override { server_.stop(); }

    static std::string url(int port) {
        return "http://127.0.0.1:" + std::to_string(port) + "/health";
    }
    HealthCheck http(int port) const {
        HealthCheck check;
        check.url = url(port);
        check.timeout = Seconds{1};
        check.interval = Seconds{0};
        check.retry = 0;
        return check;
    }
    static CheckOutcome attempt(const HealthCheck& check, std::stop_token stop = {}) {
        return try_check(check, {}, stop);
    }

    httplib::Server server_;
    int status_ = 200;
    std::string body_;
    int port_ = 0;
    std::jthread thread_;
};

TEST_F(HealthCheckTest, GoesByTheStatus) {
    for (const auto& [status, ok] :
         {std::pair{200, true}, std::pair{204, true}, std::pair{302, true}, std::pair{404, false},
          std::pair{500, false}}) {
        status_ = status;
        EXPECT_EQ(attempt(http(port_)).ok, ok) << status;
    }
    auto check = http(port_);
    status_ = 418;
    check.expected_status = 418;
    EXPECT_TRUE(attempt(check).ok);
    status_ = 200;
    EXPECT_EQ(attempt(check).error, url(port_) + " answered 200, wanted 418");
}

TEST_F(HealthCheckTest, QuotesAShortAnswerInOneLine) {
    status_ = 503;
    const auto answered = url(port_) + " answered 503, wanted 2xx or 3xx";
    const std::map<std::string, std::string> quotes{
        {"the database\nis away\n", ": the database is away"},
        {"\xff!", ": ?!"},
        {std::string(200, 'x'), ": " + std::string(200, 'x')},
        {std::string(201, 'x'), ""}};
    for (const auto& [body, quoted] : quotes) {
        body_ = body;
        EXPECT_EQ(attempt(http(port_)).error, answered + quoted);
    }
}

TEST_F(HealthCheckTest, NamesARefusedConnection) {
    EXPECT_NE(attempt(http(1)).error.find("Couldn't connect"), std::string::npos);
}

TEST_F(HealthCheckTest, AServerThatDripsDoesNotHoldIt) {
    const DrippingServer heads{"HTTP/1.1 200 OK\r\nX: ", "x"};
    const DrippingServer bodies{"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x"};
    const DrippingServer silent{"", ""};
    for (const auto* server : {&heads, &bodies, &silent}) {
        const auto begin = Clock::now();
        EXPECT_FALSE(attempt(http(server->port())).ok);
        EXPECT_LT(Clock::now() - begin, std::chrono::seconds{5});
    }
}

TEST_F(HealthCheckTest, AnEndlessBodyIsNotRead) {
    const DrippingServer flood{"HTTP/1.1 200 OK\r\n\r\n", std::string(4096, 'x')};
    EXPECT_TRUE(attempt(http(flood.port())).ok);
}

TEST_F(HealthCheckTest, OnlyHttpIsSpoken) {
    HealthCheck check;
    check.url = "file:///etc/passwd";
    EXPECT_FALSE(attempt(check).ok);
}

TEST_F(HealthCheckTest, CancelEndsATry) {
    const DrippingServer server{"", ""};
    auto check = http(server.port());
    check.timeout = Seconds{60};
    std::stop_source source;
    const std::jthread canceller{[&] { source.request_stop(); }};
    const auto begin = Clock::now();
    EXPECT_EQ(attempt(check, source.get_token()).error, "cancelled");
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds{10});
}

TEST_F(HealthCheckTest, TcpNeedsAListener) {
    HealthCheck check;
    check.type = CheckType::tcp;
    check.host = "127.0.0.1";
    check.port = std::to_string(port_);
    check.timeout = Seconds{2};
    EXPECT_TRUE(attempt(check).ok) << attempt(check).error;
    check.host = "";  // localhost
    EXPECT_TRUE(attempt(check).ok) << attempt(check).error;
    check.port = "1";
    EXPECT_FALSE(attempt(check).ok);
    check.port = "${PORT}";
    EXPECT_EQ(attempt(check).error, "port must be a number, got '${PORT}'");
}

TEST_F(HealthCheckTest, ScriptsDecideByTheirOutcome) {
    HealthCheck check;
    check.type = CheckType::script;
    check.script = "body";
    check.timeout = Seconds{7};
    const auto script = [](const std::string& body, Seconds timeout, const std::stop_token&) {
        return CheckOutcome{body == "body" && timeout == Seconds{7}, "", "said"};
    };
    EXPECT_TRUE(try_check(check, script, {}).ok);
}

}  // namespace
}  // namespace tidegate::agent
