/// A daemon whose name has several addresses.

#include <dlfcn.h>
#include <netdb.h>

#include <asio/ip/udp.hpp>

#include "support.h"

namespace {
constexpr std::string_view kTwoAddresses = "two-addresses.test";
}

/// In the place of the C library's: that name has two addresses of this host, in this order. All
/// others are looked up as ever.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** found) {
    static const auto look_up =
        reinterpret_cast<decltype(&getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    if (name == nullptr || name != kTwoAddresses) return look_up(name, service, hints, found);
    const auto error = look_up("127.0.0.2", service, hints, found);
    return error != 0 ? error : look_up("127.0.0.1", service, hints, &(*found)->ai_next);
}

namespace tidegate {
namespace {

TEST_F(FleetTest, ASilentAddressOfTheDaemonKeepsNoAgentOut) {
    start_fleet();
    asio::ip::udp::socket silent{io, {asio::ip::make_address("127.0.0.2"), port}};
    TestAgent agent;
    auto made = session_options(agent, "web-1", token("web-1"));
    made.host = kTwoAddresses;
    agent.handler.greeting.agent = "web-1";
    agent.handler.greeting.boot_id = "boot-web-1";
    agent.session = value(Session::start(io, std::move(made), agent.handler));
    ASSERT_TRUE(until([&] { return agent.session->connected(); }, Seconds{60}));
    EXPECT_GT(silent.available(), 0U);  // it was asked first
    // The address that works is kept.
    const auto asked = agent.handler.notices.size();
    fleet->drop("web-1", "come again");
    ASSERT_TRUE(until([&] { return agent.handler.connected.size() == 2; }));
    EXPECT_EQ(agent.handler.notices.size(), asked + 1) << agent.handler.notices.back();
}

}  // namespace
}  // namespace tidegate
