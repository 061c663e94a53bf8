#pragma once
/// Joins the documents of one commit into assignments. Pure: a tree in, values out.
///
/// What belongs together is kept in parts (environment, project, assignment), each made from few
/// files. A part whose files are the same objects as before is taken over as it is, so the next
/// commit costs what it changed: the same blob must come as the same `ParsedFile`.
///
/// An error holds exactly the assignments that depend on what it is in: version file, project,
/// environment with its target lists, its window and policies, its approval list, `tidegate.yaml`.
/// A target name that is there twice holds both environments; a cycle holds all that are on it.
/// What stands in the place of one of the layout's folders holds all that was found below it.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schema/model/assignment.h"
#include "schema/model/checks.h"

namespace tidegate {

/// The rules of an IANA zone; null when there is none of that name.
using ZoneLookup = std::function<std::shared_ptr<const ZoneRules>(const std::string& name)>;

/// How Rules name a rejection (Rules::unsupported).
inline constexpr auto kRejected = "approval: a decision is rejected";

struct EnvironmentPart;  // parts.h, private to this folder
struct ProjectPart;
using EnvironmentPartPtr = std::shared_ptr<const EnvironmentPart>;
using ProjectPartPtr = std::shared_ptr<const ProjectPart>;

/// One server of a balancer that an assignment sends traffic to.
struct ServerClaim {
    std::string socket;  ///< of the balancer: an agent may act for several
    std::string backend;
    std::string server;

    friend auto operator<=>(const ServerClaim&, const ServerClaim&) = default;
};

struct ResolvedAssignment;
using ResolvedAssignmentPtr = std::shared_ptr<const ResolvedAssignment>;

/// One version file with all it depends on.
struct ResolvedAssignment {
    /// Without intent, anchor and the definitions of pinned targets; null when errors hold it.
    AssignmentPtr assignment;
    std::vector<Error> errors;    ///< what holds it, by place, kErrorsPerAssignmentMax
    std::vector<Error> warnings;  ///< its own; those of its parts are in the parts
    std::vector<Pin> pins;
    std::string fingerprint;  ///< of state, operation, retry and pins: what makes a new intent
    /// What a newer commit says although it holds the assignment; none where that is not readable.
    std::optional<bool> paused;
    std::optional<Freeze> freeze;
    std::optional<bool> rejected;      ///< whether a decision in the approval list is
    std::vector<ServerClaim> servers;  ///< that it sends traffic to; sorted
    Position traffic;                  ///< of the strategy; none = it has none
    /// What this would be if no other assignment sent traffic to the same servers; null = none
    /// does.
    ResolvedAssignmentPtr alone;

    std::shared_ptr<const ParsedFile> version_file;
    std::shared_ptr<const ParsedFile> repository_file;
    std::shared_ptr<const ParsedFile> approval_file;
    EnvironmentPartPtr environment;
    ProjectPartPtr project;
    /// Of its strategy's traffic: router target → the agents of targets of that name.
    std::map<std::string, std::set<std::string>> routers;
};

/// All of one commit. A value; copies share their parts.
struct ResolvedTree {
    std::string commit;
    Checks checks = kChecksNow;  ///< that its files were read by
    std::map<AssignmentKey, ResolvedAssignmentPtr> assignments;
    /// New, changed or gone since the tree that this one was made from.
    std::set<AssignmentKey> touched;

    std::map<std::string, EnvironmentPartPtr> environments;
    std::map<std::string, ProjectPartPtr> projects;
    std::map<std::string, std::shared_ptr<const ParsedFile>> files_with_remarks;  ///< by path
    std::vector<Error> loose_errors;  ///< of what no assignment depends on
    std::vector<Error> loose_warnings;
    std::vector<Error> approval_errors;

    /// Every error and warning of the commit, by place, each once, at most kErrorsReportedMax.
    [[nodiscard]] std::vector<Error> errors() const;
    [[nodiscard]] std::vector<Error> warnings() const;
    /// The rules that this commit gives an environment, as an anchor adds them: without `paused`,
    /// `commit` for the caller to set.
    /// Null when there is no such environment or it has errors.
    [[nodiscard]] std::shared_ptr<const Rules> rules_of(const std::string& environment) const;
};

/// `checks`: those that the tree's files were read by. `known`: assignments that were there before;
/// such a one is held, not gone, where something stands in the place of a folder that it was in.
[[nodiscard]] ResolvedTree resolve(const DocumentTree& tree, const ZoneLookup& zones,
                                   const std::string& commit, Checks checks = kChecksNow,
                                   const std::set<AssignmentKey>& known = {});

/// The same, from the result for another commit by the same checks. `changed` names every path
/// whose file differs between the two (more does no harm). Move `previous` in where it is not
/// needed any more.
[[nodiscard]] ResolvedTree resolve_changed(ResolvedTree previous, const DocumentTree& tree,
                                           const ZoneLookup& zones, const std::string& commit,
                                           const std::set<std::string>& changed);

/// Says that so many assignments leave Git, which uninstalls nothing. `count` > 0.
[[nodiscard]] Error leaving_warning(std::size_t count);

/// `versions/prod/shop-api.yaml` and back; no key for any other path.
[[nodiscard]] std::string version_path(const AssignmentKey& key);
[[nodiscard]] std::optional<AssignmentKey> key_of_version_path(const std::string& path);

}  // namespace tidegate
