#include "reconciler/daemon/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/integration/temp_dir.h"

namespace tidegate::daemon {
namespace {

using testing::HasSubstr;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""s;

class OptionsTest : public testing::Test {
protected:
    /// Parses the flags beside a config file with this text; keeps what went to stderr.
    Parsed parse(const std::string& config, std::vector<std::string> flags = {}) {
        const auto file = temp_ / "tidegated.yaml";
        std::ofstream{file} << config;
        flags.insert(flags.begin(), {"tidegated", "--config", file});
        std::vector<char*> argv;
        for (auto& flag : flags) argv.push_back(flag.data());
        testing::internal::CaptureStderr();
        auto parsed = parse_options(static_cast<int>(argv.size()), argv.data());
        said_ = testing::internal::GetCapturedStderr();
        return parsed;
    }

    test::TempDir temp_;
    std::string said_;
};

TEST_F(OptionsTest, FileGivesWhatFlagsDoNot) {
    const auto parsed = parse(
        "repo: /srv/git/config.git\ndata_dir: /var/lib/tidegated\npoll_interval: 30s\n"
        "certificate_ttl: 24h\ngit: {ssh_key: /etc/key, deadline: 5s, identity_name: gate}\n",
        {"--poll-interval", "7s", "--branch", "live"});
    ASSERT_FALSE(parsed.exit_code) << said_;
    EXPECT_EQ(parsed.options.repo, "/srv/git/config.git");
    EXPECT_EQ(parsed.options.data_dir, "/var/lib/tidegated");
    EXPECT_EQ(parsed.options.branch, "live");
    EXPECT_EQ(parsed.options.poll_interval, 7s);
    EXPECT_EQ(parsed.options.certificate_ttl, 24h);
    EXPECT_EQ(parsed.options.git.ssh_key, "/etc/key");
    EXPECT_EQ(parsed.options.git.deadline, 5s);
    EXPECT_EQ(parsed.options.git.identity_name, "gate");
}

TEST_F(OptionsTest, TheFileMayGroupItsKeys) {
    const auto parsed = parse(
        "repo: /r\ndata_dir: /d\nlisten: {agents: '[::1]:1', http: 127.0.0.1:2}\n"
        "git:\n  identity: {name: gate, email: gate@example.com}\n",
        {"--listen-http", "127.0.0.1:3"});
    ASSERT_FALSE(parsed.exit_code) << said_;
    EXPECT_EQ(parsed.options.listen_agents, "[::1]:1");
    EXPECT_EQ(parsed.options.listen_http, "127.0.0.1:3") << "flags win";
    EXPECT_EQ(parsed.options.git.identity_name, "gate");
    EXPECT_EQ(parsed.options.git.identity_email, "gate@example.com");
}

TEST_F(OptionsTest, TheStatusEndpointMayHaveSeveralNames) {
    const std::string head = "repo: /r\ndata_dir: /d\n";
    const auto flags = parse(head, {"--http-host", "a.example", "--http-host", "b"});
    ASSERT_FALSE(flags.exit_code) << said_;
    EXPECT_EQ(flags.options.http_hosts, (std::vector<std::string>{"a.example", "b"}));
    EXPECT_FALSE(flags.options.http_show_values);
    const auto list = parse(head + "http: {host: [a.example, b], show_values: true}\n");
    ASSERT_FALSE(list.exit_code) << said_;
    EXPECT_EQ(list.options.http_hosts, flags.options.http_hosts);
    EXPECT_TRUE(list.options.http_show_values);
    const auto both = parse(head + "http_host: a.example\n", {"--http-host", "c"});
    EXPECT_EQ(both.options.http_hosts, std::vector<std::string>{"c"}) << "flags win";
}

/// No revert could ever be written by such a one.
TEST_F(OptionsTest, AnIdentityIsOneThatACommitCanHave) {
    const std::string file = "repo: /r\ndata_dir: /d\n";
    for (const std::string part : {"name", "email"})
        for (const std::string bad :
             {"", " ", "..", "a<b", "a>b", "a\nb", "a\x1b[2J", "a\u0085b"}) {
            const auto flag = "--git-identity-" + part;
            EXPECT_EQ(parse(file, {flag, bad}).exit_code, 2) << flag << ' ' << bad;
            EXPECT_THAT(said_, HasSubstr(flag));
        }
    for (const std::string bad : {"''", "'a<b'", "\"a\\nb\"", "\"a\\0b\""}) {
        EXPECT_EQ(parse(file + "git: {identity: {name: " + bad + "}}\n").exit_code, 2) << bad;
        EXPECT_THAT(said_, HasSubstr("tidegated.yaml:3:"));
        EXPECT_THAT(said_, HasSubstr("without '<', '>'"));
    }
    const auto trimmed = parse(file, {"--git-identity-name", "Acme Inc.\n"});
    ASSERT_FALSE(trimmed.exit_code) << said_;
    EXPECT_EQ(trimmed.options.git.identity_name, "Acme Inc") << "as Git writes it";
}

TEST_F(OptionsTest, ABranchIsOneThatGitCanHave) {
    const std::string file = "repo: /r\ndata_dir: /d\n";
    for (const std::string bad : {"", "a b", "a..b", "a.lock", "a.lock/b", ".a", "a/", "/a", "a//b",
                                  "a:b", "a*", "a\\b", "a@{0}", "@", "a.", "a\nb", "a~1"}) {
        EXPECT_EQ(parse(file, {"--branch", bad}).exit_code, 2) << bad;
        EXPECT_THAT(said_, HasSubstr("no branch can be called"));
    }
    for (const std::string good : {"main", "release/1.0", "a@b", "über", "a.b"})
        EXPECT_FALSE(parse(file, {"--branch", good}).exit_code) << good << said_;
}

TEST_F(OptionsTest, NoIntervalIsZero) {
    for (const auto* flag : {"--poll-interval", "--git-deadline", "--certificate-ttl"}) {
        const std::string file = "repo: /r\ndata_dir: /d\n";
        EXPECT_EQ(parse(file, {flag, "0s"}).exit_code, 2) << flag;
        EXPECT_THAT(said_, HasSubstr("must be at least 1s, got '0s'")) << flag;
        EXPECT_FALSE(parse(file, {flag, "1s"}).exit_code) << flag << ": " << said_;
    }
}

TEST_F(OptionsTest, MistakesAreNamedWithTheirPlace) {
    struct Case {
        std::string config;
        std::string error;
    };
    const std::string head = "repo: /r\ndata_dir: /d\n";
    for (const auto& [config, error] : std::vector<Case>{
             {"poll: 3s\n", "3:1: unknown key 'poll'"},
             {"config: other.yaml\n", "3:1: unknown key 'config'"},
             {"git: {key: x}\n", "3:7: unknown key 'key'"},
             {"poll_interval: soon\n", "3:16: "},
             {"listen_http: nowhere\n", "3:14: --listen-http: expected HOST:PORT, got 'nowhere'"},
             {"branch: [a]\n", "3:9: wanted a single value"},
             {"branch: a\nbranch: b\n", "4:1: 'branch' is repeated"},
             {"git: 3\n", "3:6: wanted a map"},
             {"poll_interval: 0s\n", "3:16: --poll-interval: must be at least 1s, got '0s'"},
             {"listen: 127.0.0.1:0\n", "3:9: wanted a map"},
             {"listen: {tls: x}\n", "3:10: unknown key 'tls'"},
             {"listen: {http: '[::1]:1'}\nlisten_http: '[::1]:2'\n",
              "4:1: 'listen_http' is repeated"},
             {"http: {host: [a, [b]]}\n", "3:18: wanted a single value"},
             {"http_host: 'http://a'\n", "3:12: --http-host: expected a host's name"},
             {"http_show_values: [true]\n", "3:19: wanted a single value"},
             {"git: {signing_key: k}\n", "3:7: 'signing_key' is not supported yet"},
             {"trust: {require_signatures: true}\n", "3:1: 'trust' is not supported yet"},
             {"branch: \"live\npoll_interval: 1s\n", "3:9: this quote is never closed"},
             {"branch: 'live", "3:9: this quote is never closed"},
             {"git: {ssh_key: \"k, deadline: 1s}\n", "3:16: this quote is never closed"},
             {"branch: main\rpoll_interval: 3s\n",
              "3:13: a carriage return alone ends no line: save the file with LF or CRLF"},
             {"git:\n\tdeadline: 1s\n", "4:1: a tab indents this line"},
             {"branch: [\n", "tidegated.yaml:"}}) {
        EXPECT_EQ(parse(head + config).exit_code, 2) << config;
        EXPECT_THAT(said_, HasSubstr(error)) << config;
    }
    EXPECT_EQ(parse("branch: main\n").exit_code, 2);
    EXPECT_THAT(said_, HasSubstr("--repo"));
}

TEST_F(OptionsTest, AConfigThatCannotBeReadIsNamed) {
    std::filesystem::create_directory(temp_ / "tidegated.yaml");
    EXPECT_EQ(parse("").exit_code, 2);
    EXPECT_EQ(said_, "cannot read " + temp_ / "tidegated.yaml" + ": it is a folder\n");
}

}  // namespace
}  // namespace tidegate::daemon
