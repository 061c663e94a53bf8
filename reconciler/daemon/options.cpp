#include "reconciler/daemon/options.h"

#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <iostream>
#include <set>

#include "reconciler/git/names.h"
#include "schema/base/limits.h"
#include "schema/base/utf8.h"
#include "schema/config/quotes.h"
#include "schema/files/read_file.h"

namespace tidegate::daemon {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::size_t kHostNameBytesMax = 253;  ///< RFC 1035 §2.3.4, as text

/// A CLI11 check that also stores what it read.
template <class T, class Parse>
auto stored(T& into, Parse parse) {
    return [&into, parse](const std::string& text) -> std::string {
        auto value = parse(text);
        if (!value) return value.error().message;
        into = *std::move(value);
        return {};
    };
}

Result<std::string> checked_host_port(std::string_view text) {
    CHECK(parse_host_port(text));
    return std::string{text};
}

/// As browsers name it in `Host`, but for the port, which any may have.
std::string not_a_host_name(const std::string& text) {
    const bool good = !text.empty() && text.size() <= kHostNameBytesMax &&
                      std::ranges::all_of(text, [](unsigned char c) {
                          return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
                      });
    return good ? "" : fmt::format("expected a host's name without a port, got '{}'", text);
}

/// As it will stand in a revert; a word that cannot stand there would keep every revert from being
/// written.
std::string make_written(std::string& text) {
    auto word = git::written_word(text);
    if (!word) return word.error().message;
    text = *std::move(word);
    return {};
}

std::string not_a_branch(const std::string& text) {
    if (git::is_branch_name(text)) return "";
    return fmt::format("no branch can be called '{}'", one_line(to_utf8(text)));
}

/// What nobody means to be 0.
Result<Seconds> positive_duration(std::string_view text) {
    const auto value = TRY(parse_duration(text));
    if (value < limits::kPollIntervalMin)
        return fail(ErrorCode::invalid, "must be at least 1s, got '{}'", text);
    return value;
}

void add_typed(CLI::App& app, const char* flag, const char* help, auto& into, auto parse) {
    static std::string ignored;
    app.add_option(flag, ignored, help)->check(CLI::Validator(stored(into, parse), "", ""));
}

void add_http_flags(CLI::App& app, DaemonOptions& options) {
    add_typed(app, "--listen-http", "HOST:PORT of the status endpoint; default 127.0.0.1:7480",
              options.listen_http, checked_host_port);
    app.add_option("--http-host", options.http_hosts,
                   "another name of the status endpoint, as its visitors' browsers know it; "
                   "may be repeated")
        ->check(CLI::Validator(not_a_host_name, "NAME", ""));
    app.add_flag("--http-show-values", options.http_show_values,
                 "show the values of plain variables on the status endpoint");
}

void add_git_flags(CLI::App& app, GitOptions& git) {
    app.add_option("--git-ssh-key", git.ssh_key, "private key for ssh:// repos");
    app.add_option("--git-known-hosts", git.known_hosts, "host keys for ssh:// repos");
    app.add_option("--git-token-file", git.token_file, "password for https:// repos");
    app.add_option("--git-ca-file", git.ca_file, "who may sign an https:// repo's host");
    app.add_option("--git-identity-name", git.identity_name, "author of reverts")
        ->transform(CLI::Validator(make_written, "", ""))
        ->capture_default_str();
    app.add_option("--git-identity-email", git.identity_email, "the author's address")
        ->transform(CLI::Validator(make_written, "", ""))
        ->capture_default_str();
    add_typed(app, "--git-deadline", "of one operation on the repo; default 60s", git.deadline,
              positive_duration);
}

void add_flags(CLI::App& app, DaemonOptions& options) {
    app.add_option("--repo", options.repo, "the config repo: a path, file://, https:// or ssh://");
    app.add_option("--branch", options.branch, "the branch to follow")
        ->check(CLI::Validator(not_a_branch, "", ""))
        ->capture_default_str();
    app.add_option("--data-dir", options.data_dir, "where the daemon keeps its state (0700)");
    add_typed(app, "--listen-agents", "HOST:PORT for agents, UDP; default 0.0.0.0:7443",
              options.listen_agents, checked_host_port);
    add_http_flags(app, options);
    add_typed(app, "--poll-interval", "how often to look at the repo, such as 10s; default 10s",
              options.poll_interval, positive_duration);
    app.add_option("--store", options.store,
                   "sqlite:PATH or memory:; default store.sqlite in the data dir");
    add_typed(app, "--certificate-ttl", "how long an agent's certificate lasts; default 168h",
              options.certificate_ttl, positive_duration);
    add_git_flags(app, options.git);
    app.add_option("--log-level", options.log_level, "debug, info, warning or error")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
        ->capture_default_str();
}

/// The config file's keys are the flags in snake_case; maps only group them: `git: {ssh_key: …}` is
/// --git-ssh-key, `listen: {http: …}` --listen-http. A flag that the command line gave wins.
class ConfigFile {
public:
    ConfigFile(CLI::App& app, std::string file) : app_{app}, file_{std::move(file)} {}

    Result<void> apply() {
        const auto text = TRY(read_file(file_, limits::kFileBytesMax));
        CHECK(config::check_quotes(file_, text));
        try {
            return apply(YAML::Load(text), "--");
        } catch (const YAML::Exception& error) {
            return fail(config::parse_error(file_, text, error.mark.line + 1, error.mark.column + 1,
                                            error.msg));
        }
    }

private:
    Result<void> apply(const YAML::Node& map, const std::string& prefix) {
        if (!map.IsMap()) return wrong(map.Mark(), "wanted a map of keys to values");
        for (const auto& item : map) {
            const auto key = item.first.as<std::string>();
            auto flag = prefix + key;
            std::ranges::replace(flag, '_', '-');
            // By flag: `listen: {http: …}` beside `listen_http: …` is one said twice, too.
            if (!seen_.insert(flag).second)
                return wrong(item.first.Mark(), fmt::format("'{}' is repeated", key));
            if (std::ranges::find(kLater, flag) != kLater.end())
                return wrong(item.first.Mark(),
                             fmt::format("'{}' is not supported yet: this build neither signs "
                                         "commits nor checks signatures",
                                         key));
            if (std::ranges::find(kGroups, flag) != kGroups.end())
                CHECK(apply(item.second, flag + '-'));
            else
                CHECK(set(flag, item.first, item.second));
        }
        return {};
    }

    Result<void> set(const std::string& flag, const YAML::Node& key, const YAML::Node& value) {
        auto* option = app_.get_option_no_throw(flag);
        if (option == nullptr || flag == "--config" || flag == "--help" || flag == "--version")
            return wrong(key.Mark(), fmt::format("unknown key '{}'", key.Scalar()));
        const bool repeatable = option->get_expected_max() > 1;
        const auto items = TRY(scalars(value, repeatable));
        if (option->count() > 0) return {};
        try {
            for (const auto& item : items) option->add_result(item);
            option->run_callback();
        } catch (const CLI::Error& error) {
            return wrong(value.Mark(), error.what());
        }
        return {};
    }

    /// The value's text, or where a flag may be repeated that of each item of a list.
    Result<std::vector<std::string>> scalars(const YAML::Node& value, bool repeatable) const {
        if (value.IsScalar()) return std::vector{value.Scalar()};
        if (!repeatable || !value.IsSequence()) return wrong(value.Mark(), "wanted a single value");
        std::vector<std::string> items;
        for (const auto& item : value) {
            if (!item.IsScalar()) return wrong(item.Mark(), "wanted a single value");
            items.push_back(item.Scalar());
        }
        return items;
    }

    tl::unexpected<Error> wrong(const YAML::Mark& mark, std::string message) const {
        return fail(Error{ErrorCode::invalid, std::move(message), {}}.at(
            {file_, mark.line + 1, mark.column + 1}));
    }

    static constexpr std::array kGroups{"--git"sv, "--git-identity"sv, "--http"sv, "--listen"sv};
    static constexpr std::array kLater{"--git-signing-key"sv, "--trust"sv};

    CLI::App& app_;
    std::string file_;
    std::set<std::string> seen_;
};

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0)
        return fail(ErrorCode::invalid, "expected HOST:PORT, got '{}'", text);
    auto host = text.substr(0, colon);
    if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    const auto digits = text.substr(colon + 1);
    HostPort result{std::string{host}, 0};
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || host.empty())
        return fail(ErrorCode::invalid, "expected HOST:PORT, got '{}'", text);
    return result;
}

Parsed parse_options(int argc, char** argv) {
    Parsed parsed;
    CLI::App app{"The Tidegate reconciler: follows a Git config repo and moves the fleet there."};
    app.footer(
        "Example:\n"
        "  tidegated --repo /srv/git/config.git --branch main --data-dir /var/lib/tidegated \\\n"
        "            --listen-agents 0.0.0.0:7443 --listen-http 127.0.0.1:7480");
    app.set_version_flag("--version", "tidegated " TIDEGATE_VERSION);
    std::string config;
    app.add_option("--config", config, "a YAML file with the same options; flags win");
    add_flags(app, parsed.options);
    try {
        app.parse(argc, argv);
        if (!config.empty()) {
            if (const auto applied = ConfigFile{app, config}.apply(); !applied) {
                std::cerr << visible_line(applied.error().text()) << '\n';
                parsed.exit_code = 2;
                return parsed;
            }
        }
        if (parsed.options.repo.empty()) throw CLI::RequiredError("--repo");
        if (parsed.options.data_dir.empty()) throw CLI::RequiredError("--data-dir");
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);
        parsed.exit_code = code == 0 ? 0 : 2;
    }
    return parsed;
}

}  // namespace tidegate::daemon
