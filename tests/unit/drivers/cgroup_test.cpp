#include "agent/drivers/cgroup.h"

#include <gtest/gtest.h>

namespace tidegate::agent {
namespace {

struct CgroupCase {
    const char* name;
    const char* mountinfo;
    const char* own;
    const char* expected;
};
class CgroupTest : public testing::TestWithParam<CgroupCase> {};

TEST_P(CgroupTest, IsFoundByMountinfo) {
    EXPECT_EQ(cgroup_directory(GetParam().mountinfo, GetParam().own), GetParam().expected);
}

constexpr const char* kUnified =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";

INSTANTIATE_TEST_SUITE_P(
    Cases, CgroupTest,
    testing::Values(CgroupCase{"Unified", kUnified, "0::/system.slice/tidegate-agent.service\n",
                               "/sys/fs/cgroup/system.slice/tidegate-agent.service"},
                    CgroupCase{"Root", kUnified, "0::/\n", "/sys/fs/cgroup"},
                    CgroupCase{"Hybrid",
                               "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
                               "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                               "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
                               "4:memory:/a\n0::/b\n", "/sys/fs/cgroup/unified/b"},
                    CgroupCase{"PartOfTheTree", "9 8 0:38 /pod /cg rw - cgroup2 cgroup2 rw\n",
                               "0::/pod/agent\n", "/cg/agent"},
                    CgroupCase{"ThatPartItself", "9 8 0:38 /pod /cg rw - cgroup2 cgroup2 rw\n",
                               "0::/pod\n", "/cg"},
                    CgroupCase{"NotInThatPart", "9 8 0:38 /pod /cg rw - cgroup2 cgroup2 rw\n",
                               "0::/podium/agent\n", ""},
                    CgroupCase{"Escaped", "9 8 0:38 / /my\\040cg rw - cgroup2 cgroup2 rw\n",
                               "0::/a\n", "/my cg/a"},
                    CgroupCase{"OutsideItsNamespace", kUnified, "0::/../other\n", ""},
                    CgroupCase{"VersionOneOnly", "35 31 0:32 / /cg rw - cgroup cgroup rw,memory\n",
                               "4:memory:/a\n", ""},
                    CgroupCase{"NotMounted", "", "0::/a\n", ""}, CgroupCase{"Nothing", "", "", ""}),
    [](const auto& test) { return std::string{test.param.name}; });

}  // namespace
}  // namespace tidegate::agent
