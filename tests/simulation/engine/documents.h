#pragma once
/// What people write into the config repo, as values and as the texts of its files. Texts go
/// through the real reader, and what a commit asks for is read from the documents: a text that
/// nobody here wrote (a revert's) is understood as well.

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schema/model/documents.h"

namespace tidegate::simulation {

/// What a version file says. Versions that begin with "bad" fail wherever they are installed, those
/// that begin with "sour" some time later, while they are watched.
struct Spec {
    std::string version;
    bool absent = false;
    bool paused = false;
    int retry = 0;
    bool forward_only = false;
    Operation operation = Operation::deploy;
    std::map<std::string, std::string> pins{};  ///< target → version
    std::string note{};                         ///< a comment: asks for nothing
    std::optional<Promote> promote{};

    friend bool operator==(const Spec&, const Spec&) = default;
};

/// The files that assignments share. Beginning with "bad", a project's script fails as a version
/// does.
struct Fleet {
    struct Target {
        std::string name;
        std::string agent;
        friend bool operator==(const Target&, const Target&) = default;
    };
    struct Place {
        std::vector<Target> targets;
        Strategy strategy;
        RollbackRules rollback;
        Offline offline = Offline::skip;
        std::optional<ReleaseWindow> window;
        /// Those that people ask for there, in no file; empty: all.
        std::vector<std::string> projects;

        [[nodiscard]] bool has(const std::string& project) const {
            return projects.empty() || std::ranges::find(projects, project) != projects.end();
        }
    };
    std::map<std::string, Place> environments;
    std::map<std::string, std::string> projects;  ///< their scripts
    bool slotted = false;  ///< they can stand twice on a target, as blue_green needs
};

/// By the clock of UTC. Written anew: none of the gates' code is asked.
[[nodiscard]] bool is_open(const ReleaseWindow& window, Timestamp now);

/// All that one commit asks for. A file that cannot be read is as it was when it last could.
struct Config {
    Fleet fleet;
    std::map<AssignmentKey, Spec> specs;

    /// null: the file is gone.
    void take(const std::string& path, const ParsedFile* file);
};

[[nodiscard]] std::string text_of(const Spec& spec);
[[nodiscard]] std::string text_of(const std::string& environment, const Fleet::Place& place);
[[nodiscard]] std::string project_text(const std::string& name, const std::string& script,
                                       bool slotted);
[[nodiscard]] std::string environment_path(const std::string& name);
[[nodiscard]] std::string project_path(const std::string& name);

/// One object for each text, as long as a world needs it.
[[nodiscard]] std::shared_ptr<const ParsedFile> parse(const std::string& path,
                                                      const std::string& text);

}  // namespace tidegate::simulation
