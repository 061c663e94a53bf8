#include "reconciler/daemon/admin.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <asio/local/stream_protocol.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <deque>
#include <stdexcept>

#include "tests/integration/temp_dir.h"

namespace tidegate::daemon {
namespace {

using asio::local::stream_protocol;
using testing::HasSubstr;

/// One line to the socket and what comes back; everything on the test's own loop.
class Peer {
public:
    Peer(asio::io_context& io, const std::string& path) : socket_{io} {
        socket_.connect(stream_protocol::endpoint{path});
    }
    void say(const std::string& line) {
        answer_.clear();
        ended_ = false;
        asio::write(socket_, asio::buffer(line + "\n"));
        listen();
    }
    void listen() {
        asio::async_read_until(socket_, asio::dynamic_buffer(answer_), '\n',
                               [this](asio::error_code error, std::size_t) {
                                   closed_ = static_cast<bool>(error);
                                   ended_ = true;
                               });
    }
    [[nodiscard]] const std::string& answer() const { return answer_; }
    [[nodiscard]] bool answered() const { return ended_ && !closed_; }
    [[nodiscard]] bool closed() const { return closed_; }

private:
    stream_protocol::socket socket_;
    std::string answer_;
    bool ended_ = false;
    bool closed_ = false;
};

class AdminSocketTest : public testing::Test {
protected:
    void start(std::chrono::milliseconds patience = limits::kAdminPatience) {
        auto started = AdminSocket::start(
            io_, path_,
            {{"echo", [](const auto& given, auto answer) { answer(given); }},
             {"throw", [](const auto&, const auto&) { throw std::runtime_error{"a bug"}; }}},
            patience);
        ASSERT_TRUE(started) << started.error().text();
        admin_ = *std::move(started);
    }
    template <class Condition>
    bool until(const Condition& condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
        while (!condition() && std::chrono::steady_clock::now() < deadline)
            io_.run_one_for(std::chrono::milliseconds{50});
        return condition();
    }

    test::TempDir dir_;
    std::string path_ = dir_ / "admin.sock";
    asio::io_context io_;
    std::unique_ptr<AdminSocket> admin_;
};

TEST_F(AdminSocketTest, AVerbThatThrowsIsAnError) {
    start();
    Peer peer{io_, path_};
    peer.say(R"({"verb":"throw"})");
    ASSERT_TRUE(until([&] { return peer.answered(); }));
    EXPECT_THAT(peer.answer(), HasSubstr("throw: a bug"));
    peer.say(R"({"verb":"echo","args":{"a":1}})");
    ASSERT_TRUE(until([&] { return peer.answered(); }));
    EXPECT_THAT(peer.answer(), HasSubstr(R"("a":1)"));
}

TEST_F(AdminSocketTest, TheKernelSaysWhoAsks) {
    start();
    const auto* entry = ::getpwuid(::geteuid());
    const auto own = entry == nullptr ? fmt::format("uid {}", ::geteuid()) : entry->pw_name;
    const std::pair<const char*, std::string> cases[] = {
        {R"({"verb":"echo"})", own},
        {R"({"verb":"echo","args":{"actor":""}})", own},
        {R"({"verb":"echo","args":{"actor":"mallory"}})", own + " (says mallory)"},
        {R"({"verb":"echo","args":{"actor":"x\ny"}})", own + " (says x y)"},
    };
    for (const auto& [line, actor] : cases) {
        Peer peer{io_, path_};
        peer.say(line);
        ASSERT_TRUE(until([&] { return peer.answered(); })) << line;
        EXPECT_THAT(peer.answer(), HasSubstr("\"actor\":\"" + actor + "\"")) << line;
    }
    Peer peer{io_, path_};
    peer.say(R"({"verb":"echo","args":{"actor":7}})");
    ASSERT_TRUE(until([&] { return peer.answered(); }));
    EXPECT_THAT(peer.answer(), HasSubstr(R"("actor":7)")) << "for the verb to refuse";
}

TEST_F(AdminSocketTest, ThoseWhoSayNothingDoNotKeepOthersOut) {
    start(std::chrono::milliseconds{200});
    std::deque<Peer> silent;
    for (std::size_t i = 0; i < limits::kAdminConnectionsMax; ++i)
        silent.emplace_back(io_, path_).listen();
    ASSERT_TRUE(until([&] { return std::ranges::all_of(silent, &Peer::closed); }));
    Peer peer{io_, path_};
    peer.say(R"({"verb":"echo"})");
    EXPECT_TRUE(until([&] { return peer.answered(); }));
}

TEST_F(AdminSocketTest, ComesBackWhenDescriptorsRanOut) {
    start();
    // A sanitizer needs descriptors to check a type that it has not met yet.
    Peer earlier{io_, path_};
    earlier.say(R"({"verb":"throw"})");
    ASSERT_TRUE(until([&] { return earlier.answered(); }));
    Peer peer{io_, path_};
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = ::open("/dev/null", O_RDONLY);
    ::close(next);
    const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto handled = io_.run_one_for(std::chrono::seconds{10});
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_EQ(handled, 1u) << "the failed accept";
    peer.say(R"({"verb":"echo"})");
    EXPECT_TRUE(until([&] { return peer.answered(); }));
}

}  // namespace
}  // namespace tidegate::daemon
