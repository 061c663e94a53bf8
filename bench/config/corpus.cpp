#include "bench/config/corpus.h"

#include <fmt/core.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace tidegate::bench {
namespace {

std::string project_name(int number) { return fmt::format("service-{:03}", number); }
std::string environment_name(int number) { return fmt::format("region-{:02}", number); }

std::string project_text(int number) {
    return fmt::format(R"(apiVersion: tidegate/v1
kind: Project
name: {0}
description: One of many services of the bench
owner: team-{1}
deploy:
  type: script
  config:
    work_dir: "/opt/apps/${{APP_NAME}}"
    interpreter: /bin/bash
    environment: {{APP_PORT: "${{APP_PORT}}", LOG_LEVEL: "${{LOG_LEVEL}}"}}
    install_script: |
      set -e
      mkdir -p "$WORK_DIR/releases/$APP_VERSION"
      curl -fsSL "$ARTIFACT_URL" -o "$WORK_DIR/releases/$APP_VERSION/app.tar.gz"
      tar -xzf "$WORK_DIR/releases/$APP_VERSION/app.tar.gz" -C "$WORK_DIR/releases/$APP_VERSION"
      ln -sfn "$WORK_DIR/releases/$APP_VERSION" "$WORK_DIR/current"
    rollback_script: |
      set -e
      ln -sfn "$WORK_DIR/releases/$ROLLBACK_VERSION" "$WORK_DIR/current"
    uninstall_script: |
      [ "$KEEP_DATA" = true ] || rm -rf "$WORK_DIR"
    timeouts: {{install: 600, update: 300, rollback: 180, uninstall: 120}}
variables:
  APP_NAME: {0}
  APP_PORT: "{2}"
  API_URL: {{type: env_specific, values: {{region-00: "http://a", region-01: "http://b"}}}}
  BACKUP_PATH: {{type: template, value: "${{BACKUP_DIR}}/${{APP_NAME}}"}}
pipeline:
  pre_release:
    - {{name: port free, type: script, config: {{script: "./check.sh", timeout: 30}}}}
  release:
    - {{name: stop, type: stop_service, config: {{graceful_timeout: 30}}}}
    - {{name: deploy, type: deploy}}
    - {{name: start, type: start_service, config: {{wait_ready: true, ready_timeout: 60}}}}
  post_release:
    - name: healthy
      type: health_check
      config: {{type: http, url: "http://localhost:${{APP_PORT}}/health", retry: 3, interval: 10}}
)",
                       project_name(number), number % 20, 8000 + number);
}

std::string environment_text(int number) {
    auto text = fmt::format(R"(apiVersion: tidegate/v1
kind: Environment
name: {0}
strategy:
  type: rolling
  config:
    batch_size: "25%"
    max_unavailable: 2
    health_check: {{type: http, url: "http://localhost:${{APP_PORT}}/health", success_threshold: 2}}
rollback: {{auto_rollback: true, conditions: [{{type: health_check_failed}}]}}
variables: {{LOG_LEVEL: info}}
targets:
)",
                            environment_name(number));
    for (int host = 0; host < 10; ++host)
        text += fmt::format("  - {{name: {0}-host-{1}, labels: {{zone: z{2}}}, priority: {1}}}\n",
                            environment_name(number), host, host % 3);
    return text;
}

std::string version_text(int environment, int project, const std::string& version) {
    return fmt::format(R"(# {0} in {1}; changed by merge requests only.
apiVersion: tidegate/v1
kind: Version
project: {0}
environment: {1}
version: {2}
artifact:
  url: https://artifacts.example.com/{0}/{2}/app.tar.gz
  sha256: {3:064x}
operation: deploy
variables:
  LOG_LEVEL: debug
  REPLICAS: "4"
  FEATURES: {{type: plain, value: "checkout,search,{1}"}}
strategy:
  type: rolling
  config: {{batch_size: 2, batch_interval: 10s, max_unavailable: 1}}
)",
                       project_name(project), environment_name(environment), version,
                       environment * 1000 + project + 1);
}

std::string repository_text() {
    return "apiVersion: tidegate/v1\nkind: Repository\nname: bench\n"
           "defaults:\n  heal: true\n  offline: skip\nvariables:\n  BACKUP_DIR: /var/backups\n";
}

/// One commit in the language of git-fast-import(1).
class Import {
public:
    explicit Import(const std::filesystem::path& file) : out_{file, std::ios::binary} {}

    void begin_commit(const std::string& message, bool on_top) {
        out_ << "commit refs/heads/main\ncommitter Bench <bench@example.com> 1700000000 +0000\n"
             << "data " << message.size() << '\n'
             << message << '\n';
        if (on_top) out_ << "from refs/heads/main^0\n";
    }
    void file(const std::string& path, const std::string& text) {
        out_ << "M 100644 inline " << path << "\ndata " << text.size() << '\n' << text << '\n';
    }

private:
    std::ofstream out_;
};

std::string version_path(int environment, int project) {
    return fmt::format("versions/{}/{}.yaml", environment_name(environment), project_name(project));
}

void import(const std::filesystem::path& remote, const std::filesystem::path& file) {
    shell(fmt::format("git -C {} fast-import --quiet < {}", quoted(remote), quoted(file)));
    std::filesystem::remove(file);
}

}  // namespace

void make_remote(const std::filesystem::path& directory, const Corpus& corpus) {
    shell("git init --quiet --bare --initial-branch=main " + quoted(directory));
    const auto stream = directory / "import";
    {
        Import commit{stream};
        commit.begin_commit("all of it", false);
        commit.file("tidegate.yaml", repository_text());
        for (int project = 0; project < corpus.projects; ++project)
            commit.file("projects/" + project_name(project) + ".yaml", project_text(project));
        for (int environment = 0; environment < corpus.environments; ++environment) {
            commit.file("environments/" + environment_name(environment) + ".yaml",
                        environment_text(environment));
            for (int project = 0; project < corpus.projects; ++project)
                commit.file(version_path(environment, project),
                            version_text(environment, project, "1.0.0"));
        }
    }
    import(directory, stream);
    shell(fmt::format("git -C {} repack -adq", quoted(directory)));
}

void change_one_file(const std::filesystem::path& remote, const Corpus& corpus, int round) {
    const int environment = round % corpus.environments;
    const int project = round * 7 % corpus.projects;
    const auto stream = remote / "import";
    {
        Import commit{stream};
        commit.begin_commit("one version", true);
        commit.file(version_path(environment, project),
                    version_text(environment, project, fmt::format("1.0.{}", round + 1)));
    }
    import(remote, stream);
}

std::string shell(const std::string& command) {
    std::string printed;
    auto* pipe = ::popen(command.c_str(), "r");
    char buffer[4096];
    while (pipe != nullptr) {
        const auto got = std::fread(buffer, 1, sizeof buffer, pipe);
        if (got == 0) break;
        printed.append(buffer, got);
    }
    if (pipe == nullptr || ::pclose(pipe) != 0) {
        fmt::print(stderr, "failed: {}\n", command);
        std::exit(1);
    }
    while (printed.ends_with('\n')) printed.pop_back();
    return printed;
}

double timed(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string quoted(const std::filesystem::path& path) { return "'" + path.string() + "'"; }

}  // namespace tidegate::bench
