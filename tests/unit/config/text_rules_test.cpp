#include "schema/config/text_rules.h"

#include <gtest/gtest.h>

namespace tidegate::config {
namespace {

struct FormCase {
    const char* name;
    bool (*valid)(std::string_view);
    std::vector<std::string> good;
    std::vector<std::string> bad;
};
class FormTest : public testing::TestWithParam<FormCase> {};
TEST_P(FormTest, TakesGoodAndRefusesBad) {
    for (const auto& text : GetParam().good) EXPECT_TRUE(GetParam().valid(text)) << text;
    for (const auto& text : GetParam().bad) EXPECT_FALSE(GetParam().valid(text)) << text;
}
INSTANTIATE_TEST_SUITE_P(
    Forms, FormTest,
    testing::Values(
        FormCase{"cron",
                 is_cron,
                 {"0 10 * * 1-5", "*/5 * * * *", "0 0 1,15 jan-mar SUN", "59 23 31 12 7",
                  "0  9 * * mon-fri", "0-30/10 8,12-14 * * *"},
                 {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *",
                  "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *", "a * * * *",
                  "1, * * * *", ",1 * * * *", "1- * * * *", "+1 * * * *", "@daily", "* * * * */"}},
        FormCase{"http",
                 is_http_url,
                 {"http://localhost:8080/health", "https://a", "${URL}/x"},
                 {"", "http://", "https:///x", "ftp://a", "localhost:80", "http://a b"}},
        FormCase{"path", is_absolute_path, {"/opt", "${DIR}/x"}, {"", "opt", "./a", "~/a"}},
        FormCase{"sha256",
                 is_sha256,
                 {std::string(64, 'a'), std::string(64, 'F')},
                 {"", std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'g')}},
        FormCase{"commit",
                 is_commit,
                 {std::string(40, '0'), std::string(64, 'f')},
                 {"", "abc1234", std::string(40, 'F')}},
        FormCase{"port", is_port, {"1", "65535", "${PORT}"}, {"", "0", "65536", "-1", "http"}},
        FormCase{
            "size", is_size, {"100GB", "1", "10 MiB", "5K"}, {"", "GB", "1.5GB", "10gb", "10  B"}},
        FormCase{"encrypted",
                 is_encrypted,
                 {"encrypted:AES256:xxxx", "encrypted:age:YWJj:x"},
                 {"", "secret", "encrypted:", "encrypted:age:", "encrypted::x", "encrypted:a b:x"}},
        FormCase{"artifact",
                 is_artifact_url,
                 {"https://files.example.com/a.tgz", "shop-api/1.4.2.tar.gz", "${URL}",
                  "file:///tmp/a.tgz"},
                 {"", "ftp://a", "a b", " "}},
        FormCase{"zone",
                 is_zone_name,
                 {"UTC", "Asia/Shanghai", "America/Port-au-Prince", "Etc/GMT+8"},
                 {"", "/etc/localtime", "..", "Asia Shanghai"}},
        FormCase{"variable",
                 is_variable_name,
                 {"A", "_x9", "APP_NAME"},
                 {"", "9A", "A-B", "A B", std::string(129, 'A')}}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace tidegate::config
