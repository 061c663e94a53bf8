#include "agent/routers/state_use.h"

#include "tests/integration/routers/haproxy_fixture.h"

namespace tidegate::agent {
namespace {

struct StateUseCase {
    const char* name;
    const char* configuration;
    StateUse use;
    const char* words;
};
class StateUseTest : public testing::TestWithParam<StateUseCase> {};
TEST_P(StateUseTest, IsReadFromTheConfiguration) {
    const auto& [name, configuration, use, words] = GetParam();
    const auto found = state_use_in(configuration, {"/s", "shop", "/var/lib/state"});
    EXPECT_EQ(to_string(found.use), to_string(use));
    EXPECT_EQ(found.words, words);
}
INSTANTIATE_TEST_SUITE_P(
    Configurations, StateUseTest,
    testing::Values(
        StateUseCase{"Global",
                     "global\n  server-state-file /var/lib/state # here\n"
                     "defaults\n  load-server-state-from-file global\nbackend shop\n",
                     StateUse::loaded, ""},
        StateUseCase{"BelowABase",
                     "global\n\tserver-state-base \"/var/lib\"\n\tserver-state-file state\n"
                     "backend shop\n\tload-server-state-from-file global\n",
                     StateUse::loaded, ""},
        StateUseCase{"OneForEachBackend",
                     "global\n server-state-base /var/lib\n"
                     "defaults\n load-server-state-from-file local\n"
                     "backend shop\n server-state-file-name state\n",
                     StateUse::loaded, ""},
        StateUseCase{"ByItsOwnName",
                     "global\n server-state-base /var/lib\n"
                     "listen shop\n load-server-state-from-file local\n",
                     StateUse::not_loaded,
                     "backend shop loads '/var/lib/shop' and not /var/lib/state"},
        StateUseCase{"NamedDefaults",
                     "global\n server-state-file /var/lib/state\n"
                     "defaults a\n load-server-state-from-file global\n"
                     "defaults b\n mode http\nbackend shop from a\n",
                     StateUse::loaded, ""},
        StateUseCase{"DefaultsBeginAnew",
                     "global\n server-state-file /var/lib/state\n"
                     "defaults\n load-server-state-from-file global\n"
                     "defaults\n mode http\nbackend shop\n",
                     StateUse::not_loaded, "backend shop has no load-server-state-from-file"},
        StateUseCase{"None",
                     "defaults\n load-server-state-from-file global\n"
                     "backend shop\n load-server-state-from-file none\n",
                     StateUse::not_loaded, "backend shop has no load-server-state-from-file"},
        StateUseCase{"NoFile", "backend shop\n load-server-state-from-file global\n",
                     StateUse::not_loaded, "backend shop loads '' and not /var/lib/state"},
        StateUseCase{"ByTheEnvironment",
                     "global\n server-state-file ${STATE}\n"
                     "backend shop\n load-server-state-from-file global\n",
                     StateUse::unknown, "it loads ${STATE}, which only it can expand"},
        StateUseCase{"AnotherBackend", "backend shopping\n load-server-state-from-file global\n",
                     StateUse::unknown,
                     "no backend shop in what could be read of its configuration"},
        StateUseCase{"Nothing", "", StateUse::unknown,
                     "no backend shop in what could be read of its configuration"}),
    [](const auto& shown) { return shown.param.name; });

using test::HaproxyTest;

TEST_F(HaproxyTest, WhetherItsStateFileIsLoadedIsReadWhereItsProcessIs) {
    const HaproxyBackend backend{dir_ / "sock", "shop", dir_ / "state"};
    EXPECT_EQ(find_state_use(backend).use, StateUse::unknown) << "nobody is there";
    start();
    EXPECT_EQ(find_state_use(backend), (StateFinding{StateUse::loaded, {}}));
    stop();
    start("admin", false);
    EXPECT_EQ(find_state_use(backend).use, StateUse::not_loaded);
}

}  // namespace
}  // namespace tidegate::agent
