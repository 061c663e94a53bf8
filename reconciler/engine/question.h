#pragma once
/// What the engine asks of the world outside, and what it is told: one protocol for all of it
/// (design, section 2).
///
///     Ask{7, LoadDefinition{…}}  ──→  Answered{7, a definition}   it is used
///     Ask{8, RevertRequest{…}}   ──→  Answered{8, an error}       asked anew, as 9, after a while
///     Ask{9, RevertRequest{…}}   ──→  none in kAnswerWithin       asked anew, as 10; what comes
///                                                                 for 9 is too late, and dropped
///
/// So whatever is asked may be asked twice. One Answered for each Ask, also on failure.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "schema/model/agent.h"
#include "schema/model/assignment.h"

namespace tidegate::engine {

/// What defines the assignment at that commit. not_found, invalid: it is not there (any more).
struct LoadDefinition {
    using Answer = DefinitionPtr;
    AssignmentKey key;
    std::string commit;
};

/// After a lost store: which of these states that agents report is the newest one on the
/// first-parent line, and was this assignment's there? None: no one of them.
struct FindLastGood {
    using Answer = std::optional<LastGood>;
    AssignmentKey key;
    std::vector<LastGood> candidates;
};

/// What came of a RevertRequest.
struct RevertDone {
    /// The commit exists locally; its id is persisted before it is pushed (design, section 4.10).
    struct Prepared {
        std::string commit;
    };
    struct Pushed {
        std::string commit;
    };
    /// A branch for a merge request was pushed instead.
    struct Branched {
        std::string branch;
        std::string commit{};
    };
    /// Nothing was written: the newer wish wins, or it had been reverted already.
    struct NotNeeded {
        std::string why;
    };
    std::variant<Prepared, Pushed, Branched, NotNeeded> outcome;
};

/// Take a change back in Git. First with `prepared` empty: make the commit on the observed tip
/// (Prepared, Branched or NotNeeded). Then with its id: push it. Errors: conflict = lost race.
struct RevertRequest {
    using Answer = RevertDone;
    AssignmentKey key;
    std::string release;
    Digest guilty_digest;
    std::string guilty_commit;  ///< where that digest came in
    std::string guilty_version;
    std::optional<LastGood> good;  ///< none: the revert removes the version file
    std::string reason;            ///< one line
    std::string evidence;          ///< for the message's body; several lines
    std::string prepared;
};

using Question = std::variant<LoadDefinition, FindLastGood, RevertRequest>;
using Answer = std::variant<LoadDefinition::Answer, FindLastGood::Answer, RevertRequest::Answer>;

/// An effect. `id`: never used again in this life of the daemon.
struct Ask {
    std::uint64_t id = 0;
    Question question;
};
/// An event. The answer is of the question's type.
struct Answered {
    std::uint64_t id = 0;
    Result<Answer> answer;
};

}  // namespace tidegate::engine
