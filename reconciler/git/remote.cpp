#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "reconciler/git/compact.h"
#include "reconciler/git/conversation.h"
#include "reconciler/git/damage.h"
#include "reconciler/git/entries.h"
#include "reconciler/git/local_git.h"
#include "reconciler/git/mended.h"
#include "schema/base/utf8.h"

namespace tidegate::git {
namespace {

constexpr std::string_view kRemoteRefs = "refs/tidegate/remote/";

Result<void> download(Conversation& conversation, const std::string& from, const std::string& to) {
    git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
    options.callbacks = conversation.callbacks;
    options.prune = GIT_FETCH_NO_PRUNE;
    options.update_fetchhead = 0;
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    auto refspec = "+" + from + ":" + to;
    char* refspecs[] = {refspec.data()};
    const git_strarray list{refspecs, 1};
    const int code = git_remote_fetch(conversation.handle.get(), &list, &options, nullptr);
    if (code < 0) return fail(remote_error(conversation, code));
    return {};
}

/// Without a `git` program, or one that will not serve this folder, libgit2 does it, slower.
Result<void> download_anew(Repository::State& state, Conversation& conversation,
                           const std::string& from, const std::string& to) {
    if (local_folder(conversation.remote.url)) {
        const auto by_git = connect(state, conversation.remote, Purpose::download);
        if (by_git && (download(**by_git, from, to) || (*by_git)->refusal)) {
            if ((*by_git)->refusal) return fail(*(*by_git)->refusal);
            return {};
        }
    }
    return download(conversation, from, to);
}

/// A failure to compact costs speed, not truth: it is tried again after the next fetch.
Result<void> tidy(Repository::State& state) {
    const std::string path = git_repository_path(state.get());
    Handle<git_repository> fresh;
    CHECK(checked(git_repository_open_bare(out(fresh), path.c_str()), path));
    CHECK(show(Commits::as_they_are, fresh.get()));
    const auto compacted = compact(fresh.get());
    if (!compacted || !*compacted) return {};
    CHECK(checked(git_repository_open_bare(out(fresh), path.c_str()), path));
    CHECK(show(Commits::mended, fresh.get()));
    state.repository = std::move(fresh);
    return {};
}

Error refused_push(const Conversation& conversation) {
    const auto& status = *conversation.status;
    const auto moved = {"non-fast-forward", "fetch first",        "stale info",
                        "failed to update", "cannot lock ref",    "already exists",
                        "failed to lock",   "incorrect old value"};
    const bool conflict = std::ranges::any_of(
        moved, [&](const char* part) { return status.find(part) != std::string::npos; });
    auto message = "the remote refused the push: " + one_line(to_utf8(status));
    const auto words = one_line(to_utf8(conversation.words));
    if (!words.empty()) message += "; it says: " + words;
    return {conflict ? ErrorCode::conflict : ErrorCode::denied, std::move(message), {}};
}

/// libgit2 pushes refs only, not ids.
class TemporaryRef {
public:
    TemporaryRef(git_repository* repository, const std::string& commit)
        : repository_{repository}, name_{"refs/tidegate/push/" + commit} {
        git_oid id{};
        Handle<git_reference> made;
        if (git_oid_fromstr(&id, commit.c_str()) == 0)
            git_reference_create(out(made), repository, name_.c_str(), &id, 1, nullptr);
    }
    TemporaryRef(const TemporaryRef&) = delete;
    TemporaryRef& operator=(const TemporaryRef&) = delete;
    ~TemporaryRef() { git_reference_remove(repository_, name_.c_str()); }
    [[nodiscard]] const std::string& name() const { return name_; }

private:
    git_repository* repository_;
    std::string name_;
};

Result<void> upload(git_repository* repository, Conversation& conversation,
                    const PushRequest& request) {
    const TemporaryRef source{repository, request.commit};
    git_push_options options = GIT_PUSH_OPTIONS_INIT;
    options.callbacks = conversation.callbacks;
    options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    auto refspec = source.name() + ":" + request.ref;
    char* refspecs[] = {refspec.data()};
    const git_strarray list{refspecs, 1};
    const int code = git_remote_upload(conversation.handle.get(), &list, &options);
    if (conversation.status) return fail(refused_push(conversation));
    if (code < 0) return fail(remote_error(conversation, code));
    return {};
}

Error no_such_branch(const Conversation& conversation, const std::string& branch) {
    const auto others = some_branches(conversation);
    const auto there = !others           ? ""
                       : others->empty() ? "; it has none at all"
                                         : "; it has " + *others;
    return {ErrorCode::not_found, fmt::format("there is no branch {}{}", branch, there), {}};
}

Result<void> check_ref_name(const std::string& name) {
    int valid = 0;
    if (git_reference_name_is_valid(&valid, name.c_str()) == 0 && valid) return {};
    return fail(ErrorCode::invalid, "\"{}\" is no name of a ref", to_utf8(name));
}

/// Git keeps refs like files: what a branch `a` left here is in the way of a branch `a/b`, and the
/// other way round. The remote cannot have both.
void make_way(git_repository* repository, const std::string& ours) {
    std::vector<std::string> names;
    for (auto at = ours.find('/', kRemoteRefs.size()); at != std::string::npos;
         at = ours.find('/', at + 1))
        names.push_back(ours.substr(0, at));
    Handle<git_reference_iterator> below;
    git_reference_iterator_glob_new(out(below), repository, (ours + "/*").c_str());
    Handle<git_reference> reference;
    while (below && git_reference_next(out(reference), below.get()) == 0)
        names.emplace_back(git_reference_name(reference.get()));
    for (const auto& name : names) git_reference_remove(repository, name.c_str());
}

/// libgit2 can neither be told where such a history ends nor find it out.
bool is_shallow(const Remote& remote) {
    const auto folder = local_folder(remote.url);
    if (!folder) return false;
    std::error_code ignored;
    return std::ranges::any_of(std::array{"/shallow", "/.git/shallow"}, [&](const auto* file) {
        return std::filesystem::exists(*folder + file, ignored);
    });
}

/// As an error of the remote, unless it is our own repository that is damaged.
Error judged(const Repository::State& state, const Remote& remote, Error error, bool may_be_ours) {
    if (may_be_ours && state.own && error.code != ErrorCode::denied)
        if (auto damage = find_damage(state.get()))
            return {ErrorCode::internal, *std::move(damage), {}};
    if (error.code == ErrorCode::internal) error.code = ErrorCode::unavailable;
    if (error.code == ErrorCode::unavailable && is_shallow(remote))
        error.message =
            "it is a shallow clone: run `git fetch --unshallow` there; " + error.message;
    return std::move(error).within("remote " + display_url(remote.url));
}

}  // namespace

Result<Fetched> Repository::fetch(const Remote& remote, const std::string& branch) {
    const auto theirs = "refs/heads/" + branch;
    const auto ours = std::string{kRemoteRefs} + branch;
    CHECK(check_ref_name(theirs));
    state_->remove_stale_locks();
    bool downloads = false;
    const auto attempt = [&]() -> Result<Fetched> {
        const auto conversation = TRY(connect(*state_, remote, Purpose::ask));
        const auto tip = TRY(remote_ref(*conversation, theirs));
        if (tip.empty()) return fail(no_such_branch(*conversation, branch));
        git_oid known{};
        if (git_reference_name_to_id(&known, state_->get(), ours.c_str()) == 0 &&
            to_text(known) == tip) {
            if (find_commit(state_->get(), tip)) return Fetched{tip, false};
            return fail(ErrorCode::internal, "{} cannot be read", ours);
        }
        downloads = true;
        if (state_->own) make_way(state_->get(), ours);
        CHECK(download_anew(*state_, *conversation, theirs, ours));
        CHECK(checked(git_reference_name_to_id(&known, state_->get(), ours.c_str()), ours));
        return Fetched{to_text(known), true};
    };
    auto fetched = attempt().map_error([&](Error error) {
        const bool may_be_ours = downloads || error.code == ErrorCode::internal;
        return judged(*state_, remote, std::move(error), may_be_ours);
    });
    if (fetched && fetched->changed && state_->own) CHECK(tidy(*state_));
    return fetched;
}

Result<bool> Repository::has_branch(const Remote& remote, const std::string& branch) {
    const auto attempt = [&]() -> Result<bool> {
        const auto conversation = TRY(connect(*state_, remote, Purpose::ask));
        return !TRY(remote_ref(*conversation, "refs/heads/" + branch)).empty();
    };
    return attempt().map_error(
        [&](Error error) { return judged(*state_, remote, std::move(error), false); });
}

Result<void> Repository::push(const Remote& remote, const PushRequest& request) {
    CHECK(check_ref_name(request.ref));
    if (!request.expected.empty() && !TRY(is_ancestor(request.expected, request.commit)))
        return fail(ErrorCode::conflict, "commit {} does not descend from {}", request.commit,
                    request.expected);
    const auto attempt = [&]() -> Result<void> {
        const auto conversation = TRY(connect(*state_, remote, Purpose::upload));
        const auto current = TRY(remote_ref(*conversation, request.ref));
        if (current == request.commit) return {};
        if (current != request.expected)
            return fail(ErrorCode::conflict, "{} moved: expected {}, found {}", request.ref,
                        request.expected.empty() ? "nothing" : request.expected,
                        current.empty() ? "nothing" : current);
        return upload(state_->get(), *conversation, request);
    };
    return attempt().map_error([&](Error error) {
        const bool may_be_ours = error.code == ErrorCode::internal;
        return judged(*state_, remote, std::move(error), may_be_ours);
    });
}

namespace {

namespace fs = std::filesystem;

/// libgit2 refuses a repository without these; what was in them all of ours have.
void mend_frame(const fs::path& directory) {
    std::ofstream{directory / "HEAD"} << "ref: refs/heads/tidegate\n";
    std::ofstream{directory / "config"} << "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
    std::error_code ignored;
    fs::remove(directory / "packed-refs", ignored);  // we write none
}

/// The commit and all before it that only the other repository has.
Result<void> bring(Repository::State& state, const std::string& directory, const std::string& id) {
    const auto ref = std::string{kAcceptedRefs} + id;
    std::ofstream{fs::path{directory} / ref} << id << '\n';
    Remote there;
    there.url = directory;
    const auto conversation = TRY(connect(state, there, Purpose::ask));
    return download(*conversation, ref, ref);
}

bool is_there(git_repository* repository, const std::optional<git_oid>& id) {
    const auto database = open_database(repository);
    return database && id && git_odb_exists(database->get(), &*id) != 0;
}

}  // namespace

Result<std::vector<std::string>> Repository::take_over(const std::string& directory) {
    auto* repository = state_->get();
    std::vector<std::string> lost;
    mend_frame(directory);
    const auto add = [&](std::string_view prefix, const std::string& name, const git_oid& target) {
        Handle<git_reference> made;
        return checked(
            git_reference_create(out(made), repository, (std::string{prefix} + name).c_str(),
                                 &target, 1, nullptr),
            name);
    };
    for (const auto& [name, ignored] : refs_below(directory, kAcceptedRefs)) {
        const auto id = to_oid(name);
        if (!id) continue;
        if (!is_there(repository, *id) && !bring(*state_, directory, name))
            lost.push_back("commit " + name);
        else
            CHECK(add(kAcceptedRefs, name, *id));
    }
    for (const auto& [name, anchor] : refs_below(directory, kAnchorRefs)) {
        const auto id = to_oid(name);
        if (!id || !is_there(repository, *id)) continue;  // on no line that is there
        if (!is_there(repository, anchor))
            lost.push_back("what was before commit " + name);
        else
            CHECK(add(kAnchorRefs, name, *anchor));
    }
    return lost;
}

}  // namespace tidegate::git
