/// What is an error since checks 2 and was none before: the same texts by both.

#include "schema/config/quotes.h"
#include "tests/unit/config/documents.h"

namespace tidegate::config {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct NewError {
    const char* name;
    const char* path;
    std::string text;
    std::string error;
};
class NewErrorTest : public testing::TestWithParam<NewError> {};

TEST_P(NewErrorTest, IsAWarningByOlderChecks) {
    const auto& [name, path, text, error] = GetParam();
    const auto now = read_document(path, text);
    EXPECT_THAT(lines_of(now.errors), testing::ElementsAre(error));
    EXPECT_EQ(now.document, nullptr);
    const auto before = read_document(path, text, Checks::first);
    EXPECT_THAT(lines_of(before.errors), IsEmpty());
    EXPECT_NE(before.document, nullptr);
    EXPECT_THAT(lines_of(before.warnings), testing::Contains(error + kRefusedNow));
}

constexpr auto kLine = "must be one line without control or invisible characters, got ";
std::string control(const char* place, const char* what) {
    return fmt::format("{} {}{}", place, kLine, what);
}

constexpr auto kWrittenOut = "must be written out, for no variable is replaced in it, got ";

INSTANTIATE_TEST_SUITE_P(
    Texts, NewErrorTest,
    testing::Values(
        NewError{"line_end", kVersionPath, version("version: \"1\\n2\"\n"),
                 control("3:10: version", "a line end")},
        NewError{"tab", kVersionPath, version("version: \"1\\t2\"\n"),
                 control("3:10: version", "a tab")},
        NewError{"escape", kVersionPath, version("version: \"1\\e[2J\"\n"),
                 control("3:10: version", "U+001B")},
        NewError{"next_line", kVersionPath, version("version: 1\xC2\x85z\n"),
                 control("3:10: version", "U+0085")},
        NewError{"line_separator", kVersionPath, version("version: \"1\\L2\"\n"),
                 control("3:10: version", "U+2028")},
        NewError{"right_to_left", kVersionPath, version("version: \"1\\u202E2\"\n"),
                 control("3:10: version", "U+202E")},
        NewError{"no_width", kVersionPath, version("version: 1.0\xE2\x80\x8B\n"),
                 control("3:10: version", "U+200B")},
        NewError{"tag_character", kVersionPath, version("version: \"1\\U000E0041\"\n"),
                 control("3:10: version", "U+E0041")},
        NewError{"pin_of_no_width", kVersionPath,
                 version("version: 1\npins: [{target: a, version: \"1\\u2060\"}]\n"),
                 control("4:29: version", "U+2060")},
        NewError{"isolate_in_a_task", kProjectPath,
                 script_project("pipeline: {release: [{name: \"a\\u2066b\", type: deploy}]}\n"),
                 control("5:29: name", "U+2066")},
        NewError{"soft_hyphen_in_a_label", kEnvironmentPath,
                 environment("targets: [{name: a, labels: {k: \"v\\xAD\"}}]\n"),
                 control("4:33: k", "U+00AD")},
        NewError{"block", kVersionPath, version("version: |\n  1\n"),
                 control("3:10: version", "a line end")},
        NewError{"pin", kVersionPath,
                 version("version: 1\npins: [{target: a, version: \"1\\n\"}]\n"),
                 control("4:29: version", "a line end")},
        NewError{"variable", kVersionPath, version("version: \"${VERSION}\"\n"),
                 fmt::format("3:10: version {}${{VERSION}}", kWrittenOut)},
        NewError{"pinned_variable", kVersionPath,
                 version("version: 1\npins: [{target: a, version: \"1-${X}\"}]\n"),
                 fmt::format("4:29: version {}1-${{X}}", kWrittenOut)},
        NewError{"owner", kProjectPath, script_project("owner: \"a\\nb\"\n"),
                 control("5:8: owner", "a line end")},
        NewError{"label", kEnvironmentPath,
                 environment("targets: [{name: a, labels: {\"k\\ty\": v}}]\n"),
                 control("4:30: a key", "a tab")},
        NewError{"reason", kEnvironmentPath, environment("freeze: {reason: \"a\\nb\"}\n"),
                 control("4:18: reason", "a line end")},
        NewError{"path", kProjectPath,
                 project("deploy: {type: script, config: {install_script: x, work_dir: "
                         "\"/a\\nb\"}}\n"),
                 control("4:62: work_dir", "a line end")},
        NewError{"parent", kProjectPath,
                 project("deploy: {type: script, config: {install_script: x, work_dir: "
                         "/opt/apps/../x}}\n"),
                 "4:62: work_dir must not have a '..' in it, got /opt/apps/../x"},
        NewError{"parent_of_a_variable", kProjectPath,
                 project("deploy: {type: script, config: {install_script: x, work_dir: "
                         "\"${A}/..\"}}\n"),
                 "4:62: work_dir must not have a '..' in it, got ${A}/.."},
        NewError{"targets_parent", kEnvironmentPath,
                 environment("targets: [{name: a, config: {work_dir: /opt/..}}]\n"),
                 "4:40: work_dir must not have a '..' in it, got /opt/.."},
        NewError{"task", kProjectPath,
                 script_project("pipeline: {release: [{name: \"a\\eb\", type: deploy}]}\n"),
                 control("5:29: name", "U+001B")}),
    [](const auto& each) { return each.param.name; });

constexpr auto kNeverClosed = "this quote is never closed";
constexpr auto kGoesOn = "this quote goes on in line 4, which is not indented: close it";

INSTANTIATE_TEST_SUITE_P(
    Quotes, NewErrorTest,
    testing::Values(
        NewError{"never_closed", kVersionPath, version("version: \"2.0.0\npaused: true\n"),
                 fmt::format("3:10: {}", kNeverClosed)},
        NewError{"single", kVersionPath, version("version: '2.0.0\npaused: true\n"),
                 fmt::format("3:10: {}", kNeverClosed)},
        NewError{"escaped", kVersionPath, version("version: \"2.0.0\\\"\npaused: true # a \\\"\n"),
                 fmt::format("3:10: {}", kNeverClosed)},
        NewError{"doubled", kVersionPath, version("version: '2.0.0''\npaused: true\n"),
                 fmt::format("3:10: {}", kNeverClosed)},
        NewError{"closed_by_the_next", kVersionPath,
                 version("version: \"2.0.0\npaused: true\nx-note: \"\n"),
                 fmt::format("3:10: {}", kGoesOn)},
        NewError{
            "nested", kProjectPath,
            project("deploy: {type: script, config: {install_script: x}}\nvariables:\n  A: \"x\n"
                    "  B: \"\n"),
            "6:6: this quote goes on in line 7, which is not indented: close it"},
        NewError{"in_a_list", "policies/p.yaml",
                 "apiVersion: tidegate/v1\nkind: Policy\nname: p\nlanguage: lua\nrule: x\n"
                 "x-list:\n- \"a\n- b\n- \"\n",
                 "7:3: this quote goes on in line 8, which is not indented: close it"},
        NewError{"in_braces", kVersionPath,
                 version("version: 1\npins: [{target: a,\nversion: \"1\nretry: 2\"}]\n"),
                 "5:10: this quote goes on in line 6, which is not indented: close it"}),
    [](const auto& each) { return each.param.name; });

TEST(Quotes, ThatEndWhereTheyShouldAreWelcome) {
    for (const auto* text :
         {"description: \"a \\\" b \\\\\"\n", "description: 'it''s'\n", "description: ''\n",
          "description: \"\"\n", "description: it's \"so\n",
          "# don't \"say\ndescription: a # isn't\n", "description: |\n  it's \"so\nowner: a\n",
          "description: >-\n  \"so\n", "description: \"one\n  two\n\n  three\"\nowner: a\n",
          "description: 'one\n  two'\n", "description: \"one\n\ttwo\"\n",
          "description: \"one\n\"\n", "description: ! \"a\"\n", "description: ! it's\n",
          "\"description\": 'a'\n", "\"x-a\": {'b': [\"c\", 'd',\n  \"e\n  f\"]}\n",
          "variables:\n  A: \"x\n    y\"\n  B: 'z'\n", "x-list:\n- \"a\n  b\"\n- 'c'\n"}) {
        const auto parsed = read_document(kProjectPath, script_project(text));
        EXPECT_THAT(lines_of(parsed.errors), IsEmpty()) << text;
        EXPECT_THAT(lines_of(parsed.warnings), IsEmpty()) << text;
        EXPECT_TRUE(check_quotes("a.yaml", text)) << text;
    }
}

constexpr auto kWindow = "windows/night.yaml";
const std::string kWindowHead = "apiVersion: tidegate/v1\nkind: ReleaseWindow\nname: night\n";
constexpr auto kEmptyWindow =
    "allowed_windows must not be empty: leave it out for always open; to close, use freeze or an "
    "entry of deny_windows";

INSTANTIATE_TEST_SUITE_P(
    Lists, NewErrorTest,
    testing::Values(NewError{"window", kWindow, kWindowHead + "allowed_windows: []\n",
                             fmt::format("4:18: {}", kEmptyWindow)},
                    NewError{"inline_window", kEnvironmentPath,
                             environment("release_window: {allowed_windows: []}\n"),
                             fmt::format("4:35: {}", kEmptyWindow)},
                    NewError{"scope", "policies/p.yaml",
                             "apiVersion: tidegate/v1\nkind: Policy\nname: p\nlanguage: lua\n"
                             "rule: x\napplies_to: {projects: []}\n",
                             "6:24: projects must not be empty: leave it out for all"}),
    [](const auto& each) { return each.param.name; });

TEST(NewErrors, SeveralLinesStayLegalWhereTheyMakeSense) {
    for (const auto& [path, text] : std::vector<std::pair<const char*, std::string>>{
             {kProjectPath, script_project("description: |\n  one\n  two\n")},
             {kProjectPath, script_project("variables: {CERT: \"a\\nb\\n\"}\n")},
             {kProjectPath,
              script_project("description: \"a\\u200Fb\"\nowner: \u00c4 \u53d1 \u2026\n")},
             {kProjectPath, script_project("variables: {CERT: \"\\u202E\"}\n")},
             {kProjectPath, project("deploy:\n  type: script\n  config:\n    install_script: |\n"
                                    "      a\n      b\n")},
             {"approvals/prod/shop-api.yaml",
              "apiVersion: tidegate/v1\nkind: ApprovalList\napprovals: [{version: \"1\", decision: "
              "approved, by: a, comment: \"x\\ny\"}]\n"}}) {
        const auto parsed = read_document(path, text);
        EXPECT_THAT(lines_of(parsed.errors), IsEmpty()) << text;
        EXPECT_THAT(lines_of(parsed.warnings), IsEmpty()) << text;
    }
}

TEST(LastLineEnd, MakesNoDifferenceToAScript) {
    const std::string whole = project(
        "deploy:\n  type: script\n  config:\n    install_script: |\n      a\n      echo \"b\"\n");
    const auto cut = whole.substr(0, whole.size() - 1);
    const auto script = [](const ParsedFile& file) {
        return std::get<Project>(*file.document).deploy.script.install_script;
    };
    const auto read = read_document(kProjectPath, cut);
    EXPECT_EQ(script(read), "a\necho \"b\"\n");
    EXPECT_EQ(*read.document, *read_document(kProjectPath, whole).document);
    EXPECT_THAT(lines_of(read.warnings),
                testing::ElementsAre(HasSubstr("9:1: the file ends without a line end")));
    EXPECT_EQ(script(read_document(kProjectPath, cut, Checks::first)), "a\necho \"b\"");
    EXPECT_THAT(
        read_document(kVersionPath, "apiVersion: tidegate/v1\nkind: Version\nversion: 1").warnings,
        IsEmpty());
}

struct TroubleCase {
    const char* name;
    std::string text;
    std::string error;
};
class TroubleTest : public testing::TestWithParam<TroubleCase> {};
TEST_P(TroubleTest, IsNamedAtItsLine) {
    EXPECT_THAT(lines_of(read_document(kProjectPath, GetParam().text).errors),
                testing::Contains(HasSubstr(GetParam().error)));
}
INSTANTIATE_TEST_SUITE_P(
    Texts, TroubleTest,
    testing::Values(
        TroubleCase{"tab", project("deploy:\n\ttype: script\n"), "5:1: a tab indents this line"},
        TroubleCase{"colon", project("description: a: b\n"),
                    "4:15: not valid YAML: illegal map value: a text that has a colon"},
        TroubleCase{"tab_behind", project("deploy:\n  type: script\n\tconfig: {}\n"),
                    "6:1: a tab indents this line"},
        TroubleCase{"no_break_space", project("deploy:\n  type: script\n\xC2\xA0 config: {}\n"),
                    "6:1: unknown key"},
        TroubleCase{"no_break_space_named", project("\xC2\xA0owner: a\n"), "(with U+00A0 in it)"},
        TroubleCase{"conflict",
                    project("<<<<<<< HEAD\nowner: a\n=======\nowner: b\n>>>>>>> topic\n"),
                    "4:1: a conflict marker"},
        TroubleCase{"conflict_in_script",
                    project("deploy:\n  type: script\n  config:\n    install_script: |\n      a\n"
                            "<<<<<<< HEAD\n      b\n=======\n      c\n>>>>>>> topic\n"),
                    "9:1: a conflict marker"},
        TroubleCase{"carriage_returns", "apiVersion: tidegate/v1\rkind: Project\rname: a\r",
                    "1:24: a carriage return alone ends no line: save the file with LF or CRLF"},
        TroubleCase{"a_carriage_return", project("owner: \xC3\xA4\rdescription: b\n"),
                    "4:9: a carriage return alone ends no line"},
        TroubleCase{"quote_in_braces", project("deploy: {type: \"script}\nowner: a\n"),
                    "4:16: this quote is never closed"},
        TroubleCase{"quote_before_a_quoted_value", project("owner: \"a\ndescription: \"b\"\n"),
                    "4:8: this quote goes on in line 5, which is not indented"},
        TroubleCase{"quote_closed_in_a_comment", project("owner: 'a\ndescription: b # don't\n"),
                    "4:8: this quote goes on in line 5, which is not indented"},
        TroubleCase{"quote_in_the_last_line", project("owner: \"a"),
                    "4:8: this quote is never closed"},
        TroubleCase{"lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
                    "1:1: a pointer of Git LFS"}),
    [](const auto& each) { return each.param.name; });

TEST(DocumentMarks, WithNothingBehindAreWelcome) {
    for (const auto* end : {"---\n", "---", "--- \n\n# the end\n", "...\n", "---\n---\n"}) {
        const auto parsed = read_document(kProjectPath, script_project("owner: a\n") + end);
        EXPECT_THAT(lines_of(parsed.errors), IsEmpty()) << end;
        ASSERT_NE(parsed.document, nullptr) << end;
        EXPECT_EQ(std::get<Project>(*parsed.document).owner, "a") << end;
    }
}

}  // namespace
}  // namespace tidegate::config
