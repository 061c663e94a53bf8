#include "cli/version_edit.h"

#include <gtest/gtest.h>

namespace tidegate::cli {
namespace {

struct EditCase {
    const char* name;
    const char* text;
    const char* key;
    const char* value;  ///< null = remove
    const char* expected;
};
class VersionEditTest : public testing::TestWithParam<EditCase> {};

TEST_P(VersionEditTest, TouchesNothingElse) {
    const auto& edit = GetParam();
    if (edit.value == nullptr) {
        EXPECT_EQ(without_key(edit.text, edit.key), edit.expected);
        return;
    }
    const auto edited = with_key(edit.text, edit.key, edit.value);
    ASSERT_TRUE(edited) << edited.error().text();
    EXPECT_EQ(*edited, edit.expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, VersionEditTest,
    testing::Values(
        EditCase{"adds_after_version", "a: 1\nversion: 1.0  # now\nz: 2\n", "paused", "true",
                 "a: 1\nversion: 1.0  # now\npaused: true\nz: 2\n"},
        EditCase{"replaces_and_keeps_the_comment", "version: 1\nretry: 1   # again\n", "retry", "2",
                 "version: 1\nretry: 2   # again\n"},
        EditCase{"no_comment_inside_quotes", "note: \"a # b\" # c\n", "note", "x", "note: x # c\n"},
        EditCase{"hash_in_a_plain_value", "note: a#b\n", "note", "x", "note: x\n"},
        EditCase{"same_prefix_is_another_key", "version: 1\nretry_more: 1\n", "retry", "1",
                 "version: 1\nretry: 1\nretry_more: 1\n"},
        EditCase{"indented_key_is_another_key", "version: 1\nx:\n  retry: 5\n", "retry", "1",
                 "version: 1\nretry: 1\nx:\n  retry: 5\n"},
        EditCase{"replaces_a_list",
                 "pins:\n  - {target: a}\n\n  # about b\n  - {target: b}\nz: 1\n", "pins",
                 "\n  - {target: c}", "pins:\n  - {target: c}\nz: 1\n"},
        EditCase{"replaces_a_list_at_the_margin", "pins:\n- a\n- b\nz: 1\n", "pins", "\n  - c",
                 "pins:\n  - c\nz: 1\n"},
        EditCase{"keeps_blank_lines_behind", "pins: [a]\n\n# z\nz: 1\n", "pins", "\n  - c",
                 "pins:\n  - c\n\n# z\nz: 1\n"},
        EditCase{"windows_line_ends", "version: 1\r\nz: 1\r\n", "paused", "true",
                 "version: 1\r\npaused: true\r\nz: 1\r\n"},
        EditCase{"no_last_line_end", "version: 1", "paused", "true", "version: 1\npaused: true"},
        EditCase{"quoted_key", "version: 1\n\"retry\": 1\n", "retry", "2",
                 "version: 1\nretry: 2\n"},
        EditCase{"block_text_is_a_value", "version: 1\nx-note: |\n  version: 9\nz: 1\n", "version",
                 "2", "version: 2\nx-note: |\n  version: 9\nz: 1\n"},
        EditCase{"removes", "version: 1\npaused: true  # why\nz: 1\n", "paused", nullptr,
                 "version: 1\nz: 1\n"},
        EditCase{"removes_several_lines", "pins:\n  - a\n  - b\n# end\n", "pins", nullptr,
                 "# end\n"},
        EditCase{"removes_the_last", "version: 1\npaused: true", "paused", nullptr, "version: 1"},
        EditCase{"removes_nothing", "version: 1\n", "paused", nullptr, "version: 1\n"}),
    [](const auto& test_case) { return test_case.param.name; });

TEST(VersionEdit, RefusesWhatIsNotOneKeyPerLine) {
    EXPECT_FALSE(with_key("{version: 1}\n", "paused", "true"));
}

TEST(VersionEdit, AddingAndRemovingGivesBackTheBytes) {
    const std::string text = "# top\nversion: 1 # v\n\nz: {a: 1}   \n";
    EXPECT_EQ(without_key(*with_key(text, "paused", "true"), "paused"), text);
}

TEST(VersionEdit, QuotesWhatYamlWouldReadOtherwise) {
    EXPECT_EQ(pins_text({{{"web-1", {}}, "1.4.1"}, {{"web-2", {}}, "a, \"b\""}}),
              "\n  - {target: web-1, version: 1.4.1}"
              "\n  - {target: web-2, version: \"a, \\\"b\\\"\"}");
}

}  // namespace
}  // namespace tidegate::cli
