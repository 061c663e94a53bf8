#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "reconciler/daemon/data_dir.h"
#include "reconciler/daemon/options.h"

namespace tidegate::daemon {
namespace {

namespace fs = std::filesystem;

class DataDirTest : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "tidegate-data-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder = name;
    }
    void TearDown() override { fs::remove_all(folder); }
    [[nodiscard]] fs::path address_file() const { return folder / "data" / "run" / "http.addr"; }
    static unsigned mode_of(const fs::path& path) {
        return static_cast<unsigned>(fs::status(path).permissions());
    }
    fs::path folder;
};

TEST_F(DataDirTest, IsMadePrivateAndLocked) {
    const auto root = folder / "deep" / "data";
    auto first = DataDir::open(root);
    ASSERT_TRUE(first) << first.error().text();
    EXPECT_EQ(mode_of(root), 0700U);
    const auto second = DataDir::open(root);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::conflict);
    EXPECT_THAT(second.error().message, testing::HasSubstr("in use by another daemon"));
}

TEST_F(DataDirTest, TheLockEndsWithItsHolder) {
    { ASSERT_TRUE(DataDir::open(folder / "data")); }
    EXPECT_TRUE(DataDir::open(folder / "data"));
}

TEST_F(DataDirTest, AFolderOfOthersIsNotClosedToThem) {
    for (const auto mode : {0755U, 01777U, 0770U}) {
        const auto shared = folder / std::to_string(mode);
        fs::create_directories(shared / "others");
        fs::permissions(shared, fs::perms{mode});
        const auto refused = DataDir::open(shared);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::denied);
        EXPECT_THAT(refused.error().message, testing::HasSubstr("is open to others"));
        EXPECT_EQ(mode_of(shared), mode);
        EXPECT_FALSE(fs::exists(shared / "run"));
    }
}

TEST_F(DataDirTest, AnEmptyFolderAPrivateOneAndADataDirAreTaken) {
    const auto root = folder / "data";
    fs::create_directory(root);
    fs::permissions(root, fs::perms{0755});
    { ASSERT_TRUE(DataDir::open(root)) << "empty"; }
    EXPECT_EQ(mode_of(root), 0700U);
    fs::permissions(root, fs::perms{0755});
    { ASSERT_TRUE(DataDir::open(root)) << "a data dir"; }
    EXPECT_EQ(mode_of(root), 0700U);
    fs::remove_all(root / "run");
    EXPECT_TRUE(DataDir::open(root)) << "private";
}

TEST_F(DataDirTest, AddressesComeAndGo) {
    auto data = DataDir::open(folder / "data");
    ASSERT_TRUE(data);
    ASSERT_TRUE(data->publish_address("http", "127.0.0.1:80"));
    std::ifstream in{address_file()};
    std::string text;
    std::getline(in, text);
    EXPECT_EQ(text, "127.0.0.1:80");
    data->withdraw();
    EXPECT_FALSE(fs::exists(address_file()));
}

TEST_F(DataDirTest, AddressesOfAFormerDaemonAreGoneOnceItIsTaken) {
    { ASSERT_TRUE(DataDir::open(folder / "data")); }
    std::ofstream{address_file()} << "127.0.0.1:80";
    std::ofstream{folder / "data" / "run" / "admin.sock"};
    const auto data = DataDir::open(folder / "data");
    ASSERT_TRUE(data);
    EXPECT_FALSE(fs::exists(address_file()));
    EXPECT_FALSE(fs::exists(data->admin_socket()));
}

TEST_F(DataDirTest, WhoeverIsRefusedLeavesTheHoldersAddresses) {
    auto data = DataDir::open(folder / "data");
    ASSERT_TRUE(data);
    ASSERT_TRUE(data->publish_address("http", "127.0.0.1:80"));
    ASSERT_FALSE(DataDir::open(folder / "data"));
    EXPECT_TRUE(fs::exists(address_file()));
}

TEST_F(DataDirTest, AStartThatFailsLeavesNoAddress) {
    {
        auto data = DataDir::open(folder / "data");
        ASSERT_TRUE(data);
        ASSERT_TRUE(data->publish_address("http", "127.0.0.1:80"));
    }
    EXPECT_FALSE(fs::exists(address_file()));
}

struct HostPortCase {
    const char* text;
    const char* host;  ///< nullptr: refused
    int port;
};
class HostPortTest : public testing::TestWithParam<HostPortCase> {};
TEST_P(HostPortTest, MatchesExpected) {
    const auto parsed = parse_host_port(GetParam().text);
    ASSERT_EQ(parsed.has_value(), GetParam().host != nullptr) << GetParam().text;
    if (!parsed) return;
    EXPECT_EQ(parsed->host, GetParam().host);
    EXPECT_EQ(parsed->port, GetParam().port);
}
INSTANTIATE_TEST_SUITE_P(Cases, HostPortTest,
                         testing::Values(HostPortCase{"127.0.0.1:80", "127.0.0.1", 80},
                                         HostPortCase{"[::1]:0", "::1", 0},
                                         HostPortCase{"localhost:65535", "localhost", 65535},
                                         HostPortCase{"localhost:65536", nullptr, 0},
                                         HostPortCase{"localhost", nullptr, 0},
                                         HostPortCase{":80", nullptr, 0},
                                         HostPortCase{"host:80x", nullptr, 0},
                                         HostPortCase{"[]:80", nullptr, 0}));

}  // namespace
}  // namespace tidegate::daemon
