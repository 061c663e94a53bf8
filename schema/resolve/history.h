#pragma once
/// What the first-parent line says about each assignment (design, section 4.2): when it last
/// changed and who is behind that. A plain value, kept between starts as JSON; losing it costs a
/// replay of the line from its root, nothing else.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/model/assignment.h"
#include "schema/resolve/resolve.h"

namespace tidegate {

/// One change on the line, as the Git edge reports it.
struct LineCommit {
    std::string id;
    std::string parent;  ///< first parent; empty for a root; the anchor of an off-line range
    std::string author_name;
    std::string author_email;
    Timestamp committed_at;
    std::string message;
    std::vector<std::pair<std::string, std::string>> trailers;
    std::set<std::string> authors;  ///< "name <email>" of all commits the change brings
    /// By path, the same of the authors who changed that file, where the change brings several
    /// commits; kMoreAuthors among them: not all are known. Other files are by its author alone.
    std::map<std::string, std::set<std::string>> file_authors{};
    bool own = false;            ///< its id was stored before we pushed it
    Checks checks = kChecksNow;  ///< by which it is judged; never older than the one before
    /// A lost store is being rebuilt: the form of our reverts (author, trailers, nothing else
    /// changed) proves one ours. Anybody may write that form.
    bool proven_by_form = false;
};

/// Where an assignment last had a version: the newest such commit of the line.
struct VersionPoint {
    std::string version;
    std::string commit;
    Digest digest;

    friend bool operator==(const VersionPoint&, const VersionPoint&) = default;
};

/// Of one that left Git only `versions` and `reverts` are known, and of those without reverts only
/// the newest kGoneAssignmentsKept: with an environment for each merge request there is no end of
/// them.
struct AssignmentHistory {
    bool present = false;  ///< has a version file, and once resolved without errors since it has
    Digest digest;         ///< this and the following: at its last valid commit
    std::string version;
    std::string fingerprint;
    int retry = 0;
    Intent intent;
    std::vector<std::shared_ptr<const Rules>> anchors;  ///< see Assignment::anchor_rules
    std::optional<Promotion> promotion;
    /// Its last valid commit while newer ones are not; empty = valid at the tip.
    std::string held_at;
    std::uint64_t held_number = 0;       ///< the place of `held_at` on the line
    std::set<std::string> held_authors;  ///< of the commits since then that touched it
    /// Of what defines it, in commits at which it was not valid: theirs as well, once it is.
    std::set<std::string> held_changers;
    std::vector<Stretch> stretches;  ///< see Assignment::stretches
    /// What those commits make of `promotion`: it counts once one of them is valid, and is by
    /// whoever wrote it.
    std::optional<Promotion> held_promotion;
    bool rejected = false;  ///< its approval list, as last readable, has a rejection
    /// Former versions, the newest last, at most kVersionsKeptPerAssignment.
    std::vector<VersionPoint> versions;
    /// Digests that our own reverts took away and no person brought back since, the newest last, at
    /// most kRevertsKeptPerAssignment. A store that was lost gets its quarantines back from these.
    std::vector<Quarantine> reverts;
    /// The digest that newer checks' reading makes of what was accepted with another one before
    /// them, and that other one, which stays in force for it. Default = there is none.
    Digest read_anew;
    Digest read_before;
    std::uint64_t gone_number = 0;  ///< not present: the place on the line where it left
};

/// A digest that newer checks' reading makes of what was accepted with another one before them,
/// and that other one, which stays in force for it.
struct Reading {
    Digest anew;
    Digest before;
};
using Readings = std::map<std::string, Reading>;  ///< of targets' own config, by their names

/// An environment at its last valid commit.
struct EnvironmentHistory {
    std::shared_ptr<const Rules> rules;
    std::vector<std::string> targets;  ///< names, sorted
    Readings readings;
};

struct History {
    std::string root;               ///< the first commit that was added
    std::string tip;                ///< the last one
    std::uint64_t length = 0;       ///< how many there are
    Checks checks = Checks::first;  ///< by which the tip is judged
    std::uint64_t left = 0;         ///< assignments whose version files the tip took away
    std::map<AssignmentKey, AssignmentHistory> assignments;
    std::map<std::string, EnvironmentHistory> environments;  ///< those that there are
    /// What each project requires at its last valid commit, in the words of Rules::unsupported;
    /// only those that require anything.
    std::map<std::string, std::vector<std::string>> dependencies;
};

[[nodiscard]] std::string to_json(const History& history);
/// Errors: invalid (not such a text, or of another format: replay the line). Time zones are looked
/// up anew.
[[nodiscard]] Result<History> history_from_json(std::string_view text, const ZoneLookup& zones);

}  // namespace tidegate
