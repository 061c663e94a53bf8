#pragma once
/// The Git side of a rollback, planned (design, section 4.10; ). Pure: the daemon reads the
/// files before and writes the commit after. The commit's sole parent is `tip`; where the push
/// loses a race, everything is read and planned anew.

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schema/model/agent.h"

namespace tidegate {

/// A file that the guilty commit changed.
struct GuiltyFile {
    std::string path;
    /// A plain file of the config that nobody has touched since, and that `before` brings back.
    bool can_go_back = false;
    std::optional<std::string> before{};  ///< text at its first parent; none = not there
};

struct RevertInput {
    AssignmentKey key;
    std::string release;                ///< release id
    std::string reason;                 ///< one line
    std::vector<std::string> evidence;  ///< lines for the body
    std::string guilty_version;
    Digest guilty;              ///< the digest that went wrong
    std::string guilty_commit;  ///< the one at which it was entered
    bool guilty_by_daemon = false;
    std::optional<LastGood> last_good;  ///< none = first install

    /// What the assignment is at the tip; none = it is not there. Where the tip is not valid for
    /// it nobody can say whether it still asks for the guilty state: not the time to plan.
    std::optional<Digest> tip_digest;
    std::optional<std::string> version_at_tip;  ///< texts of the version file
    std::optional<std::string> version_at_guilty;
    std::optional<std::string> version_at_parent;  ///< before the guilty commit
    std::optional<std::string> version_at_good;
    std::vector<GuiltyFile> guilty_files;  ///< all of them, the version file included
    /// Why nothing may be pushed to the branch itself (protected, signatures required without a
    /// key); empty = it may.
    std::string branch_only_reason;
    /// The assignment's digest if its version file had this text (none: were not there) on top of
    /// the tip; none where that does not resolve.
    std::function<std::optional<Digest>(const std::optional<std::string>& version_text)>
        digest_with;
};

enum class RevertKind { nothing, plain_revert, put_back, remove, branch };
constexpr auto enum_names(RevertKind) {
    return std::array{"nothing"sv, "plain_revert"sv, "put_back"sv, "remove"sv, "branch"sv};
}

struct RevertEdit {
    std::string path;
    std::optional<std::string> content;  ///< none = delete

    friend bool operator==(const RevertEdit&, const RevertEdit&) = default;
};

struct RevertPlan {
    RevertKind kind = RevertKind::nothing;
    std::vector<RevertEdit> edits;
    std::string message;
    std::string branch;  ///< kind branch: `tidegate/revert-…`, the same for the same release
    std::string note;    ///< in words, why it is of this kind; for status and alerts
};

[[nodiscard]] RevertPlan plan_revert(const RevertInput& input);

}  // namespace tidegate
