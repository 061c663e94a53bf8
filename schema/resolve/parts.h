#pragma once
/// The parts that assignments share, each made from few files. Private to this folder.

#include <memory>
#include <string>
#include <vector>

#include "schema/base/limits.h"
#include "schema/resolve/expand.h"
#include "schema/resolve/resolve.h"
#include "schema/resolve/target_agents.h"

namespace tidegate {

using FilePtr = std::shared_ptr<const ParsedFile>;

/// A valid field that this build does not act on: `words` for Rules, a warning for its place.
struct Unsupported {
    std::string words;
    Position position;
};
[[nodiscard]] Error warning_of(const Unsupported& unsupported);

/// What a part was made from: the same inputs give the same part.
struct PartInputs {
    std::vector<FilePtr> files;
    std::vector<Error> cross_errors;  ///< found by looking at several documents

    friend bool operator==(const PartInputs&, const PartInputs&) = default;
};

/// Targets whose variables are right or wrong together, whatever they are used in.
struct TargetGroup {
    bool adds_names_only = true;       ///< so that nothing of them can be wrong by itself
    std::vector<std::size_t> targets;  ///< places in EnvironmentPart::targets
};

struct EnvironmentPart {
    PartInputs inputs;
    std::vector<Error> errors;
    std::vector<Error> warnings;
    const Environment* document = nullptr;  ///< inside one of the inputs; null = not readable
    std::vector<DesiredTarget> targets;     ///< without definition and digest, in order
    std::vector<TargetGroup> groups;        ///< each target is in one
    std::vector<Unsupported> target_variables;
    std::vector<Unsupported> slot_variables;  ///< of its targets: they have no value without slots
    std::vector<PlacedText> target_texts;
    /// Custom policies, by the project that they name.
    std::map<std::string, std::vector<Unsupported>> project_policies;
    std::shared_ptr<const Rules> rules;  ///< without `commit` and `paused`
    Strategy strategy;
    RollbackRules rollback;
    Heal heal = Heal::on;
    Offline offline = Offline::skip;
};

struct ProjectPart {
    PartInputs inputs;
    std::vector<Error> errors;
    std::vector<Error> warnings;
    const Project* document = nullptr;
    std::vector<PlacedText> texts;
    std::vector<Unsupported> unsupported;   ///< those of its dependencies included
    std::vector<std::string> dependencies;  ///< the required ones, in the words of `unsupported`
};

/// Faults that only several documents together show, by the name of what they hold.
struct CrossErrors {
    std::map<std::string, std::vector<Error>> environments;
    std::map<std::string, std::vector<Error>> projects;
    std::vector<Error> warnings;
};
[[nodiscard]] CrossErrors cross_check(const DocumentTree& tree);

/// `names_below`, each folder listed once: a bad commit may hold thousands of dangling names.
class FolderNames {
public:
    explicit FolderNames(const DocumentTree& tree) : tree_{tree} {}
    [[nodiscard]] const std::vector<std::string>& below(const std::string& folder);

private:
    const DocumentTree& tree_;
    std::map<std::string, std::vector<std::string>> names_;
};

/// One resolving's fixed surroundings.
struct Surroundings {
    const DocumentTree& tree;
    const ZoneLookup& zones;
    const std::string& commit;
    FolderNames& names;
    TargetAgents& agents;  ///< to be asked once the environments are made
    Checks checks = kChecksNow;
};
[[nodiscard]] EnvironmentPartPtr make_environment(const Surroundings& around,
                                                  const std::string& name, PartInputs inputs);
[[nodiscard]] ProjectPartPtr make_project(PartInputs inputs);
[[nodiscard]] ResolvedAssignmentPtr make_assignment(const Surroundings& around,
                                                    const AssignmentKey& key,
                                                    ResolvedAssignment inputs);

/// The files that an environment is made from: itself, its target lists, window, policies (those
/// that it names, and those that apply to it or cannot be read) and `tidegate.yaml`; null where a
/// named one is missing.
[[nodiscard]] std::vector<FilePtr> environment_files(const Surroundings& around,
                                                     const std::string& name);

// Small things that the above share.
[[nodiscard]] FilePtr find_file(const DocumentTree& tree, const std::string& path);
/// What stands in the place of a folder on the way to `path`, or is a folder in the place of the
/// file itself: nobody knows what would be there. Null = nothing does, or older checks do not mind.
[[nodiscard]] FilePtr find_hiding(const Surroundings& around, const std::string& path);
/// The file at `path`, else what hides it.
[[nodiscard]] FilePtr file_or_hiding(const Surroundings& around, const std::string& path);
template <class T>
[[nodiscard]] const T* document_of(const FilePtr& file) {
    return file && file->document ? std::get_if<T>(file->document.get()) : nullptr;
}
[[nodiscard]] std::string environment_path(const std::string& name);
[[nodiscard]] std::string project_path(const std::string& name);
inline constexpr auto kRepositoryPath = "tidegate.yaml";
/// Calls `visit(path, file)` for every file below a folder (`windows/`), in order of paths.
template <class Visit>
void each_below(const DocumentTree& tree, const std::string& folder, const Visit& visit) {
    for (auto at = tree.lower_bound(folder); at != tree.end() && at->first.starts_with(folder);
         ++at)
        visit(at->first, at->second);
}
/// The names of objects directly in a folder: `windows/` → those of `windows/*.yaml`.
[[nodiscard]] std::vector<std::string> names_below(const DocumentTree& tree,
                                                   const std::string& folder);
/// `unknown <what> "<name>" (did you mean …?)` at the reference.
[[nodiscard]] Error dangling(const char* what, const Reference& reference,
                             const std::vector<std::string>& known);
/// The names that references of one kind may use.
class KnownNames {
public:
    KnownNames(const char* what, std::vector<std::string> names);
    /// Adds the error of a dangling reference to the others of its part. A small file may hold
    /// thousands: the nearest name is looked for only while an assignment would show it, and a list
    /// that is as long as anybody will see stays as it is.
    void check(const Reference& reference, std::vector<Error>& errors) const;

private:
    const char* what_;
    std::vector<std::string> names_;  ///< sorted
};
/// Sorted.
[[nodiscard]] std::vector<std::string> names_of(const std::vector<DesiredTarget>& targets);
/// Calls `visit` for every target that a strategy names.
template <class Visit>
void each_target(const Strategy& strategy, const Visit& visit) {
    for (const auto& target : strategy.canary_targets) visit(target);
    for (const auto& group : strategy.cluster_order)
        for (const auto& target : group.targets) visit(target);
}
/// The names in a list of a policy's `applies_to`, `environments` or `projects`; none: for all.
[[nodiscard]] std::optional<std::vector<std::string>> scope_of(const Policy& policy,
                                                               const std::string& list);
[[nodiscard]] Error unknown_zone(const ReleaseWindow& window);
void append(std::vector<Error>& into, const std::vector<Error>& errors);
/// By place and text, each once, the first `max`.
void sort_errors(std::vector<Error>& errors, std::size_t max = limits::kErrorsReportedMax);
/// What to say of a level of variables: types without a value yet; values that are never used.
void remark_variables(const Variables& variables, std::vector<Unsupported>& unsupported,
                      std::vector<Error>& warnings);
/// Those of type slot_specific.
void remark_slots(const Variables& variables, std::vector<Unsupported>& remarks);
void remark_strategy(const Strategy& strategy, Checks checks,
                     std::vector<Unsupported>& unsupported);

/// Where a check puts what it finds.
struct Findings {
    Checks checks;
    std::vector<Error>& errors;
    std::vector<Error>& warnings;

    /// An error by these checks and newer ones, else a warning.
    void error_since(Checks since, Error error) const;
};
/// Against the targets of its environment.
void check_strategy(const Strategy& strategy, const std::vector<DesiredTarget>& targets,
                    const Findings& findings);
/// Somebody has to be there whose promote the groups with `approval_required` wait for.
void check_approvers(const Strategy& strategy, const std::vector<std::string>& approvers,
                     const Findings& findings);
/// Rules::approved_only by this strategy.
[[nodiscard]] std::vector<std::string> approved_only(const Strategy& strategy);
/// That of the version file, else that of the environment.
[[nodiscard]] const Strategy& strategy_of(const Version& version,
                                          const EnvironmentPart& environment);
/// How many entries a promote can count; 0 = it never waits.
[[nodiscard]] std::size_t entries_of(const Strategy& strategy);
/// Whether anything of it is watched for a time.
[[nodiscard]] bool verifies(const Strategy& strategy);

}  // namespace tidegate
