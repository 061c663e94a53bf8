/// What the program can do, its manual, page and completion say the same, and
/// the status endpoint names nothing else.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "cli/commands.h"
#include "reconciler/status/routes.h"

namespace tidegate::cli {
namespace {

std::string help_of(const std::string& verb) {
    std::vector<std::string> words{"tidegate"};
    std::istringstream in{verb + " --help"};
    for (std::string word; in >> word;) words.push_back(word);
    std::vector<const char*> line;
    for (const auto& word : words) line.push_back(word.c_str());
    std::ostringstream out, err;
    EXPECT_EQ(run(static_cast<int>(line.size()), line.data(), out, err, false), kGood) << verb;
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

using Flags = std::set<std::string>;

/// What does something ("status", "agents revoke"), each with its own flags.
std::map<std::string, Flags> commands_below(const std::string& verb = "") {
    const auto help = help_of(verb);
    std::map<std::string, Flags> found;
    for (const auto& word : entries(help, "Subcommands:"))
        found.merge(commands_below(verb.empty() ? word : verb + ' ' + word));
    if (!found.empty()) return found;
    for (const auto& flag : entries(help, "Options:"))
        if (flag.starts_with("--")) found[verb].insert(flag);
    found[verb];
    return found;
}

std::string file(const std::string& path) {
    std::ifstream in{std::string{TIDEGATE_SOURCE_DIR} + '/' + path};
    return {std::istreambuf_iterator<char>{in}, {}};
}

/// As a whole word: `--to` is not in `--token-file`.
bool names(const std::string& text, const std::string& word) {
    const auto is_part = [&](std::size_t at) {
        return at < text.size() && (std::isalnum(text[at]) != 0 || text[at] == '-');
    };
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
        if ((at == 0 || !is_part(at - 1)) && !is_part(at + word.size())) return true;
    return false;
}

std::vector<std::string> split(const std::string& text, const std::string& mark) {
    std::vector<std::string> parts;
    for (std::size_t from = 0, end = 0; end != std::string::npos; from = end + mark.size()) {
        end = text.find(mark, from);
        parts.push_back(text.substr(from, end - from));
    }
    return parts;
}

/// What is said of a verb: its entry, and what stands before all entries of its
/// section.
std::string told_of(const std::string& verb, const std::string& text, const std::string& section,
                    const std::string& entry) {
    for (const auto& part : split(text, section)) {
        const auto told = split(part, entry);
        for (std::size_t i = 1; i < told.size(); ++i)
            if (names(told[i].substr(0, told[i].find('\n')), verb)) return told[0] + told[i];
    }
    ADD_FAILURE() << "nothing is said of " << verb;
    return {};
}

/// The manual page as it reads, its marks for sections and entries left in.
std::string page(const std::string& name) {
    auto text = file("packaging/man/" + name);
    text = std::regex_replace(text, std::regex{R"(\\-)"}, "-");
    return std::regex_replace(text, std::regex{R"(\\f.|")"}, "");
}

/// The flags that bash is offered after the verb.
Flags completed(const std::string& verb) {
    const auto script = "set -- " + verb +
                        "; source " TIDEGATE_SOURCE_DIR
                        "/packaging/completions/tidegate.bash; COMP_WORDS=(tidegate \"$@\" --); "
                        "COMP_CWORD=$(($# + 1)); _tidegate; printf '%s ' \"${COMPREPLY[@]}\"";
    auto* pipe = ::popen(
        ("bash -c '" + std::regex_replace(script, std::regex{"'"}, R"('\'')") + '\'').c_str(), "r");
    std::string said;
    for (char buffer[512]; std::fgets(buffer, sizeof buffer, pipe) != nullptr;) said += buffer;
    EXPECT_EQ(::pclose(pipe), 0) << script;
    std::istringstream words{said};
    Flags flags;
    for (std::string word; words >> word;)
        if (word != "--output" && word != "--help") flags.insert(word);
    return flags;
}

TEST(Documented, EveryFlagIsCompletedAndNoOther) {
    ASSERT_GT(commands_below().size(), 10U);
    for (const auto& [verb, flags] : commands_below()) EXPECT_EQ(completed(verb), flags) << verb;
}

TEST(Documented, EveryVerbIsCompleted) {
    const auto completion = file("packaging/completions/tidegate.bash");
    for (const auto& verb : entries(help_of(""), "Subcommands:"))
        EXPECT_TRUE(names(completion.substr(completion.find("local verbs=\"validate")), verb))
            << verb;
}

TEST(Documented, ThePageSaysEveryFlagOfEveryVerb) {
    const auto text = page("tidegate.1");
    for (const auto& [verb, flags] : commands_below()) {
        const auto told = told_of(verb, text, "\n.SS ", "\n.TP\n");
        for (const auto& flag : flags) EXPECT_TRUE(names(told, flag)) << verb << ' ' << flag;
    }
}

TEST(Documented, TheManualSaysEveryFlagOfEveryVerb) {
    const auto text = file("docs/cli.md");
    for (const auto& [verb, flags] : commands_below()) {
        const auto title = verb.substr(0, verb.find(' '));
        const auto told = told_of(title, text, "\n## ", "\n### tidegate ");
        for (const auto& flag : flags) EXPECT_TRUE(names(told, flag)) << verb << ' ' << flag;
    }
}

TEST(Documented, EveryVerbsHelpHasAnExampleAndTheFormats) {
    for (const auto& verb : entries(help_of(""), "Subcommands:")) {
        const auto help = help_of(verb);
        EXPECT_NE(help.find("--output"), std::string::npos) << verb;
        EXPECT_NE(help.find("xample"), std::string::npos) << verb;
    }
}

TEST(Documented, TheStatusEndpointNamesOnlyVerbsThatExist) {
    const auto known = commands_below();
    const std::regex command{R"(tidegate (\w+)( \w+)?)"};
    std::set<std::string> named;
    for (const auto& route : status::routes()) {
        const std::string text{route.change};
        for (std::sregex_iterator at{text.begin(), text.end(), command}, end; at != end; ++at) {
            named.insert((*at)[1]);
            EXPECT_TRUE(known.contains((*at)[1]) || known.contains(at->str().substr(9))) << text;
        }
    }
    EXPECT_THAT(named, testing::IsSupersetOf({"rollback", "enroll", "accept", "agents"}));
}

}  // namespace
}  // namespace tidegate::cli
