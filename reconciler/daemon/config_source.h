#pragma once
/// The config repo as the daemon sees it: fetches, reads what changed, follows the line, and
/// writes reverts. Joins reconciler/git (how to reach it) with schema/config and schema/resolve
/// (what it means).

#include <deque>
#include <filesystem>
#include <set>

#include "reconciler/engine/effect.h"
#include "reconciler/engine/event.h"
#include "reconciler/git/child.h"
#include "reconciler/source/document_reader.h"
#include "schema/resolve/line_tracker.h"
#include "schema/resolve/revert.h"

namespace tidegate::daemon {

struct SourceOptions {
    git::GitProcessOptions process;
    git::Remote remote;
    std::string branch = "main";
    git::Person identity;                ///< whom reverts are by
    std::filesystem::path history_file;  ///< a cache; losing it costs a replay of the line
    std::filesystem::path parsed_file;   ///< a cache; losing it costs parsing every file
    std::function<void(std::string_view)> crash_point = [](std::string_view) {};
};

/// The commit in force. The daemon keeps it in its store.
struct Accepted {
    std::string commit;  ///< empty: none yet
    Timestamp at;
    /// The first commit that this store accepted. Up to it the line is older than what the store
    /// knows of our own reverts, so that their form has to prove them.
    std::string rebuilt_to{};
    /// The last commits of the line that the first, the second and the fourth checks judge
    /// (schema/model/checks.h); empty: none. Not set: it was kept by a build that had no newer
    /// ones, and so is `commit`. Those of the third are judged by the fourth.
    std::optional<std::string> lenient_until{};
    std::optional<std::string> second_until{};
    std::optional<std::string> fourth_until{};
};

/// What one look at the repo brought.
struct PollReport {
    ConfigStatus status;
    /// Set when another commit is in force than before (or for the first time).
    std::shared_ptr<const Desired> desired;
    std::shared_ptr<const DocumentTree> documents;
    std::string held;             ///< why the tip is refused whole; empty = it is not
    std::string lenient_until{};  ///< these three as in Accepted, of the commit in force
    std::string second_until{};
    std::string fourth_until{};
    std::string rebuilt_to{};  ///< see Accepted
};

/// Every call blocks on the Git child, so all of them (constructor and destructor too) belong on
/// the config worker. The accepted commit is kept by the caller: `open` is told, `poll` reports.
class ConfigSource {
public:
    explicit ConfigSource(SourceOptions options);
    ConfigSource(const ConfigSource&) = delete;  // its reader calls back into it
    ConfigSource& operator=(const ConfigSource&) = delete;

    /// Takes up the line at the accepted commit, without the remote. After an error the next poll
    /// tries again; the commit stays the one that others must descend from.
    /// `own_commits`: reverts that were prepared before.
    [[nodiscard]] Result<PollReport> open(Accepted accepted, std::set<std::string> own_commits);
    /// Fetches; takes in every new commit of a fast-forward. Not reaching the remote is not an
    /// error: it stands in `status.poll_error`. So does a tip that could not be read; it is told as
    /// held, and tried again by the next poll. A local copy that is found damaged is made anew.
    [[nodiscard]] PollReport poll(Timestamp now);
    /// Takes a held tip on a person's word; `conflict` when it is not the tip (any more). Where
    /// its line can never be read, that begins anew at the tip, without the history before; what
    /// passes (a disk, a child, a deadline) is an error, and nothing has changed.
    [[nodiscard]] Result<PollReport> accept(const std::string& commit, Timestamp now);

    [[nodiscard]] Result<engine::RevertDone> revert(const engine::RevertRequest& request,
                                                    Timestamp now);
    [[nodiscard]] Result<DefinitionPtr> load_definition(const AssignmentKey& key,
                                                        const std::string& commit);
    /// The newest on the line of those that the assignment had where they say that it did.
    [[nodiscard]] Result<std::optional<LastGood>> find_last_good(
        const AssignmentKey& key, const std::vector<LastGood>& candidates);

private:
    enum class By { fast_forward, person };

    void look(Timestamp now);
    [[nodiscard]] bool make_anew(Timestamp now);
    /// Once, where the kernel does not wall the Git child in.
    void tell_unconfined();
    void forget_line();
    [[nodiscard]] Result<void> reopen_line();
    [[nodiscard]] bool is_passed_over(const Error& error) const;
    [[nodiscard]] Result<bool> is_part_of(const std::string& commit, const std::string& tip);
    [[nodiscard]] Result<void> bring_line(const std::string& tip, bool goes_on);
    [[nodiscard]] Result<void> bring_in(const std::string& tip, bool goes_on, By by);
    void tell_tip(const std::string& tip);
    void tell_held(const std::string& tip, Error why);
    [[nodiscard]] Result<Checks> checks_at(const std::string& commit);
    [[nodiscard]] Result<std::vector<Checks>> checks_along(const std::vector<git::Commit>& line);
    [[nodiscard]] Result<void> follow(const std::string& from, const std::string& to);
    [[nodiscard]] Result<void> follow_at_once(const std::string& to, const Error& why);
    [[nodiscard]] Result<void> begin_line_at(const std::string& commit, const Error& why);
    void tell_passed(const std::string& commit, std::string_view what, const Error& why);
    void warn(Error of_tip);
    [[nodiscard]] Result<bool> is_proven_by_form(const git::Commit& commit);
    [[nodiscard]] Result<void> adopt(Checks checks);
    [[nodiscard]] Result<void> add(const git::Commit& commit, Checks checks);
    [[nodiscard]] Result<void> resume(const std::string& accepted);
    [[nodiscard]] Result<void> provide_missing();
    [[nodiscard]] Result<PollReport> take(const std::string& tip, Timestamp at, By by);
    [[nodiscard]] bool was_there(const AssignmentKey& key, const LastGood& good);
    void save_history();

    [[nodiscard]] Result<engine::RevertDone> prepare(const engine::RevertRequest& request,
                                                     Timestamp now,
                                                     const std::string& branch_only_reason);
    [[nodiscard]] Result<engine::RevertDone> push(const engine::RevertRequest& request,
                                                  Timestamp now);
    [[nodiscard]] Result<RevertInput> revert_input(const engine::RevertRequest& request);
    [[nodiscard]] Result<std::string> commit_plan(const RevertPlan& plan, Timestamp now);
    [[nodiscard]] Result<void> find_free_name(std::string& branch);
    [[nodiscard]] Result<bool> is_offered(const RevertPlan& plan, const std::string& commit,
                                          const std::string& guilty);
    [[nodiscard]] std::optional<Digest> digest_with(const AssignmentKey& key,
                                                    const std::optional<std::string>& text);

    SourceOptions options_;
    git::GitProcess git_;
    source::DocumentReader reader_;
    LineTracker tracker_;
    std::map<std::string, git::TreeEntry> entries_;  ///< at the tracker's tip, inside the layout
    DocumentTree documents_;                         ///< the same, read
    std::vector<Error> passed_;                      ///< what the tip was taken in in spite of
    bool past_damage_ = false;  ///< a person accepts what can be read of a damaged copy
    std::set<std::string> own_;
    /// The history grows with the repo, so it is not saved for every tip: a restart replays the
    /// few that are missing.
    static constexpr int kTipsPerHistory = 32;
    bool told_unconfined_ = false;
    int unsaved_ = kTipsPerHistory;  ///< tips taken since it was saved
    Accepted accepted_;              ///< what any other tip must descend from
    PollReport last_;
};

}  // namespace tidegate::daemon
