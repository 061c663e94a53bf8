#include "schema/base/limits.h"
#include "tests/unit/config/documents.h"

namespace tidegate::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> errors_of(std::string_view text) {
    const auto parsed = read_document(kRepositoryPath, text);
    EXPECT_EQ(parsed.document == nullptr, !parsed.errors.empty());
    return lines_of(parsed.errors);
}

std::string repeat(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

struct HostileCase {
    const char* name;
    std::string text;
    std::vector<std::string> errors;
};
class HostileTest : public testing::TestWithParam<HostileCase> {};
TEST_P(HostileTest, IsRefusedInItsPlace) {
    EXPECT_EQ(errors_of(GetParam().text), GetParam().errors);
}
INSTANTIATE_TEST_SUITE_P(
    Texts, HostileTest,
    testing::Values(
        HostileCase{"empty", "", {"1:1: the file is empty"}},
        HostileCase{"only_comment", "# nothing\n", {"1:1: the file is empty"}},
        HostileCase{
            "not_utf8", "apiVersion: x\nna\xC3\xA4me: \xFF", {"2:8: the file must be UTF-8"}},
        HostileCase{"overlong", "a: \xC0\xAF", {"1:4: the file must be UTF-8"}},
        HostileCase{"surrogate", "a: \xED\xA0\x80", {"1:4: the file must be UTF-8"}},
        HostileCase{"utf16",
                    std::string("\xFF\xFE"
                                "a\0",
                                4),
                    {"1:1: the file must be UTF-8"}},
        HostileCase{"nul", std::string("a: b\n\0", 6), {"2:1: control characters are not allowed"}},
        HostileCase{"escape", "a: \x1b[2J", {"1:4: control characters are not allowed"}},
        HostileCase{
            "escaped_nul", repository("name: \"a\\0b\"\n"), {"3:7: a value must not hold a NUL"}},
        HostileCase{"two_documents",
                    repository("") + "---\nkind: Project\n",
                    {"3:1: a file must hold one document; remove what follows ---"}},
        HostileCase{"anchor",
                    repository("name: &n shop\n"),
                    {"3:7: anchors (&name) are not allowed; write the value out"}},
        HostileCase{"tag", repository("name: !!str shop\n"), {"3:7: tags (!name) are not allowed"}},
        HostileCase{"local_tag_on_map",
                    repository("variables: !secret {A: b}\n"),
                    {"3:12: tags (!name) are not allowed"}},
        HostileCase{"complex_key",
                    repository("variables: {[a, b]: c}\n"),
                    {"3:13: a key must be a plain text"}},
        HostileCase{"merge_key",
                    repository("variables:\n  <<: {A: b}\n"),
                    {"4:3: a key must be a name of A-Z a-z 0-9 _, first no digit, got <<",
                     "4:7: missing key 'type' in <<"}},
        HostileCase{"syntax",
                    repository("variables: {A: b\n"),
                    {"4:1: not valid YAML: end of map flow not found"}}),
    [](const auto& test) { return test.param.name; });

TEST(HostileTest, AliasesAreRefusedAndNeverFollowed) {
    std::string bomb = repository("variables:\n  A0: &a0 [x, x]\n");
    for (int i = 1; i < 9; ++i)
        bomb += fmt::format("  A{}: &a{} [*a{}, *a{}]\n", i, i, i - 1, i - 1);
    EXPECT_THAT(errors_of(bomb), testing::Contains(HasSubstr("aliases (*name) are not allowed")));
    EXPECT_THAT(errors_of("&x [*x]"), testing::Contains(HasSubstr("aliases")));
}

TEST(HostileTest, DuplicateKeysNameBothPlaces) {
    EXPECT_THAT(errors_of(repository("name: a\nvariables: {A: b, B: c, A: d}\nname: b\n")),
                ElementsAre("4:25: duplicate key 'A' (first in line 4)",
                            "5:1: duplicate key 'name' (first in line 3)"));
}

TEST(HostileTest, DepthIsBounded) {
    for (const auto levels : {limits::kYamlDepthMax, std::size_t{500}, std::size_t{100'000}}) {
        const auto nested = repository("x-deep: ") + repeat("[", levels) + repeat("]", levels);
        const auto errors = errors_of(nested);
        ASSERT_EQ(errors.size(), 1u) << levels;
        EXPECT_EQ(errors[0], "3:40: nested deeper than 32 levels") << levels;
    }
    const auto most = limits::kYamlDepthMax - 1;
    EXPECT_THAT(errors_of(repository("x-deep: ") + repeat("[", most) + repeat("]", most)),
                ElementsAre());
}

TEST(HostileTest, NodesAreBounded) {
    const auto list = [](std::size_t items) {
        return repository("x-wide: [") + repeat("a,", items) + "]\n";
    };
    const std::size_t others = 7;  // the map, three keys, two values and the list
    EXPECT_THAT(errors_of(list(limits::kYamlNodesMax - others)), ElementsAre());
    EXPECT_THAT(errors_of(list(limits::kYamlNodesMax - others + 1)),
                ElementsAre(HasSubstr("more than 100000 values in one file")));
}

TEST(HostileTest, BytesAreBounded) {
    EXPECT_THAT(errors_of(std::string(2 << 20, '#')),
                ElementsAre("1:1: the file has 2097152 bytes, at most 1048576 are allowed"));
    const auto base = repository("#");
    EXPECT_THAT(errors_of(base + std::string(limits::kFileBytesMax - base.size(), '#')),
                ElementsAre());
}

TEST(HostileTest, ErrorsAreBounded) {
    std::string text = repository("");
    for (int i = 0; i < 5'000; ++i) text += fmt::format("unknown{}: a\n", i);
    EXPECT_EQ(errors_of(text).size(), limits::kErrorsReportedMax);
}

/// Shapes that make a careless parser quadratic, each a quarter of the largest file there may be.
TEST(HostileTest, LargeOddTextsAreReadInTime) {
    const auto fill = [](std::string_view piece) { return repeat(piece, 250'000 / piece.size()); };
    for (const auto piece :
         {"- ",  "? ",     "[",     "{",   "a: ",  "a\n",        "\n",      "{a: ", "- a\n", "'",
          "\"",  "a b\n ", "\"\\n", "&a ", "*a ",  "!a ",        "---\n",   "%X\n", "|\n",   "a,",
          "[a,", "\t",     "ä",     "#\n", "a:\n", "- |\n  x\n", "[[]],\n", "a: ["}) {
        const auto parsed = read_document(kRepositoryPath, fill(piece));
        EXPECT_FALSE(parsed.errors.empty()) << piece;
    }
    const auto one_line = repository("x-l: [") + repeat("ä, ", 90'000) + "\"]";
    EXPECT_FALSE(errors_of(one_line).empty());
}

TEST(TextFormTest, ByteOrderMarkAndCrLfAndCommentsAreFine) {
    const auto parsed = read_document(
        kRepositoryPath,
        "\xEF\xBB\xBF# first\r\napiVersion: tidegate/v1\r\nkind: Repository\r\nnamee: a\r\n");
    EXPECT_THAT(lines_of(parsed.errors),
                ElementsAre("4:1: unknown key 'namee' in Repository; did you mean 'name'?"));
}

TEST(TextFormTest, CrLfInScriptsBecomesLf) {
    const auto read = read_good<Project>(
        kProjectPath, project("deploy:\r\n  type: script\r\n  config:\r\n    install_script: |\r\n"
                              "      set -e\r\n      true\r\n"));
    EXPECT_EQ(read.deploy.script.install_script, "set -e\ntrue\n");
}

TEST(TextFormTest, TabsDoNotIndent) {
    EXPECT_THAT(errors_of(repository("variables:\n\tA: b\n")), ElementsAre(HasSubstr("4:")));
}

TEST(TextFormTest, ColumnsCountCharacters) {
    EXPECT_THAT(errors_of(repository("variables: {A: 'äöü', ÄB: x, 9: y}\n")),
                ElementsAre(HasSubstr("3:23: a key must be"), HasSubstr("3:30: a key must be")));
}

}  // namespace
}  // namespace tidegate::config
