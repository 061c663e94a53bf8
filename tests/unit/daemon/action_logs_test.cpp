#include "reconciler/daemon/action_logs.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "schema/base/limits.h"
#include "tests/integration/temp_dir.h"

namespace tidegate::daemon {
namespace {

std::string id(std::size_t number) { return fmt::format("{:08x}", number); }

class ActionLogsTest : public testing::Test {
protected:
    /// What is kept once all that was appended is written.
    std::size_t write_all(const std::vector<std::pair<std::string, std::string>>& outputs) {
        std::optional<ActionLogs> logs{std::in_place, temp_.path()};
        for (const auto& [action, text] : outputs) logs->append(action, text);
        const auto& [last, text] = outputs.back();
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
        while (!ActionLogs::read(temp_.path(), last).value_or("").ends_with(text) &&
               std::chrono::steady_clock::now() < deadline)
            std::this_thread::yield();
        logs.reset();
        return static_cast<std::size_t>(
            std::distance(std::filesystem::directory_iterator{temp_.path()},
                          std::filesystem::directory_iterator{}));
    }

    test::TempDir temp_;
};

TEST_F(ActionLogsTest, PiecesOfOneActionComeTogether) {
    EXPECT_EQ(write_all({{"ab12", "one\n"}, {"cd34", "other\n"}, {"ab12", "two\n"}}), 2U);
    EXPECT_EQ(ActionLogs::read(temp_.path(), "ab12"), "one\ntwo\n");
}

TEST_F(ActionLogsTest, OnlyActionsHaveLogs) {
    std::ofstream{temp_.path() / "secret"} << "x";
    EXPECT_EQ(write_all({{"../ab", "x"}, {"", "x"}, {"ab12", "x"}}), 2U);
    EXPECT_EQ(ActionLogs::read(temp_.path(), "../secret"), std::nullopt);
    EXPECT_EQ(ActionLogs::read(temp_.path(), "ffff"), std::nullopt);
}

TEST_F(ActionLogsTest, TheOldestGoFirstAlsoAfterARestart) {
    EXPECT_EQ(write_all({{id(0), "first"}}), 1U);
    std::vector<std::pair<std::string, std::string>> outputs;
    for (std::size_t number = 1; number <= limits::kLogFilesMax; ++number)
        outputs.emplace_back(id(number), "x");
    EXPECT_EQ(write_all(outputs), limits::kLogFilesMax);
    EXPECT_EQ(ActionLogs::read(temp_.path(), id(0)), std::nullopt);
    EXPECT_EQ(ActionLogs::read(temp_.path(), id(1)), "x");
}

TEST_F(ActionLogsTest, AFileIsBounded) {
    const std::string piece(limits::kOutputBytesMax, 'a');
    write_all({{"ab12", piece}, {"ab12", piece}, {"cd34", "end"}});
    EXPECT_EQ(ActionLogs::read(temp_.path(), "ab12")->size(), limits::kOutputBytesMax);
}

}  // namespace
}  // namespace tidegate::daemon
