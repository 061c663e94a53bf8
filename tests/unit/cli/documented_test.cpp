/// What the program can do, its manual, page and completion say the same.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "cli/commands.h"

namespace tidegate::cli {
namespace {

std::string help_of(std::vector<const char*> line) {
    std::ostringstream out, err;
    line.insert(line.begin(), "tidegate");
    line.push_back("--help");
    EXPECT_EQ(run(static_cast<int>(line.size()), line.data(), out, err, false), kGood);
    return out.str();
}

/// The words that begin a line with two blanks, after `title`.
std::vector<std::string> entries(const std::string& help, const std::string& title) {
    std::vector<std::string> words;
    std::istringstream lines{help.substr(std::min(help.find(title), help.size()))};
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line) && !line.empty())
        if (line.starts_with("  ") && line.substr(2, 1) != " ")
            words.push_back(line.substr(2, line.find_first_of(" ,", 2) - 2));
    return words;
}

std::string file(const std::string& path) {
    std::ifstream in{std::string{TIDEGATE_SOURCE_DIR} + '/' + path};
    return {std::istreambuf_iterator<char>{in}, {}};
}

TEST(Documented, EveryVerbEverywhere) {
    const auto verbs = entries(help_of({}), "Subcommands:");
    ASSERT_GT(verbs.size(), 10U);
    const auto manual = file("docs/cli.md");
    const auto page = file("packaging/man/tidegate.1");
    const auto completion = file("packaging/completions/tidegate.bash");
    for (const auto& verb : verbs) {
        EXPECT_NE(manual.find("### tidegate " + verb + '\n'), std::string::npos) << verb;
        EXPECT_NE(page.find(verb), std::string::npos) << verb;
        EXPECT_NE(completion.find(' ' + verb), std::string::npos) << verb;
    }
}

TEST(Documented, EveryFlagIsCompleted) {
    const auto completion = file("packaging/completions/tidegate.bash");
    for (const auto& verb : entries(help_of({}), "Subcommands:"))
        for (const auto& flag : entries(help_of({verb.c_str()}), "Options:")) {
            if (!flag.starts_with("--")) continue;
            EXPECT_NE(completion.find(flag), std::string::npos) << verb << ' ' << flag;
        }
}

TEST(Documented, EveryVerbsHelpHasAnExampleAndTheFormats) {
    for (const auto& verb : entries(help_of({}), "Subcommands:")) {
        const auto help = help_of({verb.c_str()});
        EXPECT_NE(help.find("--output"), std::string::npos) << verb;
        EXPECT_NE(help.find("xample"), std::string::npos) << verb;
    }
}

}  // namespace
}  // namespace tidegate::cli
