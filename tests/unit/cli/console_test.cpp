#include "cli/console.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/commands.h"

namespace tidegate::cli {
namespace {

struct ConsoleTest : testing::Test {
    std::ostringstream out, err;
    Console plain{out, err};
};

TEST_F(ConsoleTest, AlignsByWhatATerminalShows) {
    const Console coloured{out, err, Format::text, true};
    Table table{{"NAME", "STATE", "NOTE"}};
    table.add({"zürich", coloured.styled(Style::green, "good"), "a"});
    table.add({"b", "held", ""});
    table.print(plain, "  ");
    EXPECT_EQ(out.str(),
              "  NAME    STATE  NOTE\n"
              "  zürich  \x1b[32mgood\x1b[0m   a\n"
              "  b       held\n");
}

TEST_F(ConsoleTest, WritesNoColourWhereNoneIsWanted) {
    EXPECT_EQ(plain.styled(Style::red, "x"), "x");
}

TEST_F(ConsoleTest, LetsNobodyWriteToTheTerminal) {
    EXPECT_EQ(clean("a\x1b[2Jb\rc\nd"), "a?[2Jb?c d") << "nor another row";
    EXPECT_EQ(clean("v\xE2\x80\xAE"
                    "2\xEF\xBB\xBF"),
              "v?2?")
        << "nor turn one around";
    EXPECT_EQ(clean_lines("a\x1b[2Jb\rc\nd"), "a?[2Jb?c\nd");
}

TEST_F(ConsoleTest, JsonTurnsNoLineAroundEither) {
    const nlohmann::json value{{"author", "Bob\xC2\x9B\xE2\x80\xAE\xE5\x8F\x91"}};
    plain.print(value);
    EXPECT_EQ(out.str(), "{\n  \"author\": \"Bob\\u009b\\u202e\xE5\x8F\x91\"\n}\n");
    EXPECT_EQ(nlohmann::json::parse(out.str()), value) << "the same to whoever parses it";
}

TEST_F(ConsoleTest, ARowIsOneLine) {
    Table table{{"NAME", "ERROR"}};
    table.add({"web-1", "it failed\nweb-2  good\n"});
    table.print(plain);
    EXPECT_EQ(out.str(), "NAME   ERROR\nweb-1  it failed web-2  good\n");
}

TEST_F(ConsoleTest, ErrorsSayWhetherToTryAgain) {
    EXPECT_EQ(report(plain, {ErrorCode::unavailable, "away", {}}), kUnreachable);
    EXPECT_EQ(report(plain, {ErrorCode::timeout, "slow", {}}), kUnreachable);
    EXPECT_EQ(report(plain, {ErrorCode::denied, "no", {}}), kProblem);
    EXPECT_EQ(out.str(), "");
}

struct UsageCase {
    const char* name;
    std::vector<const char*> line;
    int expected;
};
class UsageTest : public testing::TestWithParam<UsageCase> {};

TEST_P(UsageTest, ExitsAsDocumented) {
    std::ostringstream out, err;
    auto line = GetParam().line;
    line.insert(line.begin(), "tidegate");
    EXPECT_EQ(run(static_cast<int>(line.size()), line.data(), out, err, false),
              GetParam().expected);
    EXPECT_NE(out.str() + err.str(), "");
}

TEST_F(ConsoleTest, AnUnknownFormatIsToldInWords) {
    const std::vector<const char*> line{"tidegate", "status", "--output", "xml"};
    EXPECT_EQ(run(static_cast<int>(line.size()), line.data(), out, err, false), kUsage);
    EXPECT_EQ(err.str().substr(0, err.str().find('\n')),
              "--output: expected text or json (or markdown, for plan and simulate), got 'xml'");
}

INSTANTIATE_TEST_SUITE_P(
    All, UsageTest,
    testing::Values(
        UsageCase{"nothing", {}, kUsage}, UsageCase{"unknown_verb", {"frobnicate"}, kUsage},
        UsageCase{"help", {"--help"}, kGood}, UsageCase{"verb_help", {"plan", "--help"}, kGood},
        UsageCase{"version", {"--version"}, kGood},
        UsageCase{"missing_argument", {"explain", "shop-api"}, kUsage},
        UsageCase{"unknown_format", {"status", "--output", "xml"}, kUsage},
        UsageCase{"markdown_is_for_plan", {"status", "--output", "markdown"}, kUsage},
        UsageCase{"pin_wants_a_version", {"pin", "a", "b", "web-1", "--repo", "/none"}, kUsage},
        UsageCase{"no_reason_to_revoke",
                  {"agents", "revoke", "a", "--reason", "", "--data-dir", "/none"},
                  kUsage},
        UsageCase{"no_reason_to_accept",
                  {"accept", "--commit", "a", "--reason", "\n", "--data-dir", "/none"},
                  kUsage},
        UsageCase{"no_reason_to_roll_back",
                  {"rollback", "a", "b", "--repo", "/none", "--reason", " "},
                  kUsage},
        UsageCase{"bad_ttl", {"enroll", "a", "--data-dir", "/none", "--ttl", "soon"}, kUsage},
        UsageCase{"no_daemon", {"enroll", "a", "--data-dir", "/none"}, kUnreachable},
        UsageCase{"no_folder", {"validate", "/none/at/all"}, kProblem}),
    [](const auto& test_case) { return test_case.param.name; });

}  // namespace
}  // namespace tidegate::cli
