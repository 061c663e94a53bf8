#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "reconciler/git/damage.h"
#include "reconciler/git/library.h"
#include "reconciler/git/mended.h"
#include "reconciler/git/people.h"
#include "reconciler/git/recode.h"
#include "schema/base/limits.h"
#include "schema/base/utf8.h"

namespace tidegate::git {
namespace {

using Anchors = std::map<std::string, git_oid>;  ///< by the commit that is anchored there

/// The first kAuthorsMax that are added, and whether there were more.
class Authors {
public:
    void add(const git_commit* commit) {
        const auto* encoding = git_commit_message_encoding(commit);
        for (const auto& person : {to_person(git_commit_author(commit), encoding),
                                   to_person(git_commit_committer(commit), encoding)})
            add(text_of(person));
    }
    [[nodiscard]] bool full() const { return names_.contains(limits::kMoreAuthors); }
    [[nodiscard]] std::vector<std::string> names() const { return {names_.begin(), names_.end()}; }

private:
    void add(std::string name) {
        const bool room = names_.size() < limits::kAuthorsMax - 1 || names_.contains(name);
        if (!full()) names_.insert(room ? std::move(name) : limits::kMoreAuthors);
    }

    std::set<std::string, std::less<>> names_;
};

/// What anybody may write into a commit, held to times that can be printed.
Timestamp to_timestamp(git_time_t seconds) {
    constexpr git_time_t kYear9999 = 253'402'300'799;
    return Timestamp{Seconds{std::clamp<git_time_t>(seconds, 0, kYear9999)}};
}

std::vector<Trailer> read_trailers(const std::string& message) {
    git_message_trailer_array found{};
    if (git_message_trailers(&found, message.c_str()) < 0) return {};
    std::vector<Trailer> trailers;
    for (std::size_t i = 0; i < found.count; ++i)
        trailers.push_back({found.trailers[i].key, one_line(found.trailers[i].value)});
    git_message_trailer_array_free(&found);
    return trailers;
}

bool is_mended(const git_commit* commit) {
    git_buf ignored{};
    const bool mended = git_commit_header_field(&ignored, commit, kMendedField) == 0;
    git_buf_dispose(&ignored);
    return mended;
}

Commit to_commit(const git_commit* commit) {
    Commit value;
    value.id = to_text(*git_commit_id(commit));
    for (unsigned i = 0; i < git_commit_parentcount(commit); ++i)
        value.parents.push_back(to_text(*git_commit_parent_id(commit, i)));
    if (!value.parents.empty()) value.first_parent = value.parents.front();
    const auto* encoding = git_commit_message_encoding(commit);
    value.author = to_person(git_commit_author(commit), encoding);
    value.committer = to_person(git_commit_committer(commit), encoding);
    value.committed_at = to_timestamp(git_commit_time(commit));
    const std::string_view message = git_commit_message(commit);
    value.message =
        plain_lines(recoded(head_of(message, limits::kCommitMessageBytesMax), encoding));
    value.message_cut = message.size() > limits::kCommitMessageBytesMax;
    value.malformed = is_mended(commit);
    if (!value.message_cut && !value.malformed) value.trailers = read_trailers(value.message);
    return value;
}

/// Adds authors and committers of all that `to` reaches and `from` does not, of the newest
/// kHistoryCommitsMax commits: whoever brings more must not hold the line up.
Result<void> add_between(Authors& authors, git_repository* repository, const git_oid& from,
                         const git_oid& to) {
    Handle<git_revwalk> walk;
    CHECK(checked(git_revwalk_new(out(walk), repository), "history"));
    CHECK(checked_part(git_revwalk_push(walk.get(), &to), "history of " + to_text(to)));
    CHECK(checked_part(git_revwalk_hide(walk.get(), &from), "history of " + to_text(from)));
    git_oid id{};
    std::size_t count = 0;
    int code = 0;
    while (!authors.full() && count++ < limits::kHistoryCommitsMax &&
           (code = git_revwalk_next(&id, walk.get())) == 0) {
        Handle<git_commit> commit;
        CHECK(
            checked_part(git_commit_lookup(out(commit), repository, &id), "commit " + to_text(id)));
        authors.add(commit.get());
    }
    if (code != 0 && code != GIT_ITEROVER) CHECK(checked_part(code, "history of " + to_text(to)));
    return {};
}

Result<Commit> read_change(git_repository* repository, const git_commit* commit) {
    auto change = to_commit(commit);
    Authors authors;
    authors.add(commit);
    if (git_commit_parentcount(commit) > 1)
        CHECK(add_between(authors, repository, *git_commit_parent_id(commit, 0),
                          *git_commit_id(commit)));
    change.authors = authors.names();
    return change;
}

Result<Commit> read_range(git_repository* repository, const git_oid& from, const git_commit* to) {
    auto change = to_commit(to);
    change.first_parent = to_text(from);
    change.off_line = true;
    Authors authors;
    CHECK(add_between(authors, repository, from, *git_commit_id(to)));
    change.authors = authors.names();
    return change;
}

Result<Anchors> read_anchors(git_repository* repository) {
    Handle<git_reference_iterator> references;
    CHECK(checked(git_reference_iterator_glob_new(out(references), repository,
                                                  (std::string{kAnchorRefs} + "*").c_str()),
                  "anchors"));
    Anchors anchors;
    Handle<git_reference> reference;
    while (git_reference_next(out(reference), references.get()) == 0) {
        if (anchors.size() == limits::kHistoryCommitsMax)
            return fail(ErrorCode::exhausted, "there are more than {} anchors",
                        limits::kHistoryCommitsMax);
        const std::string name = git_reference_name(reference.get());
        if (const auto* anchor = git_reference_target(reference.get()))
            anchors.emplace(name.substr(kAnchorRefs.size()), *anchor);
    }
    return anchors;
}

/// What is before a commit on the line; none where the line begins.
Result<std::optional<git_oid>> step_back(git_repository* repository, const Anchors& anchors,
                                         const git_oid& at) {
    if (const auto anchor = anchors.find(to_text(at)); anchor != anchors.end()) {
        if (git_oid_equal(&anchor->second, &at)) return std::nullopt;
        return anchor->second;
    }
    Handle<git_commit> commit;
    CHECK(checked_part(git_commit_lookup(out(commit), repository, &at), "commit " + to_text(at)));
    if (git_commit_parentcount(commit.get()) == 0) return std::nullopt;
    return *git_commit_parent_id(commit.get(), 0);
}

/// The line from `at` back, newest first, without `from`; none where `from` was not met.
Result<std::optional<std::vector<git_oid>>> line_back(git_repository* repository,
                                                      const Anchors& anchors,
                                                      const std::optional<git_oid>& from,
                                                      git_oid at) {
    std::vector<git_oid> ids;
    while (!from || !git_oid_equal(&*from, &at)) {
        if (ids.size() == limits::kHistoryCommitsMax)
            return fail(ErrorCode::exhausted, "more than {} commits on the first-parent line to {}",
                        limits::kHistoryCommitsMax, to_text(ids.front()));
        ids.push_back(at);
        const auto before = TRY(step_back(repository, anchors, at));
        if (!before && from) return std::nullopt;
        if (!before) break;
        at = *before;
    }
    return ids;
}

/// One element of the line: a range where it is anchored elsewhere.
Result<Commit> read_element(git_repository* repository, const Anchors& anchors, const git_oid& id) {
    Handle<git_commit> commit;
    CHECK(checked_part(git_commit_lookup(out(commit), repository, &id), "commit " + to_text(id)));
    const auto anchor = anchors.find(to_text(id));
    if (anchor == anchors.end()) return read_change(repository, commit.get());
    const bool begins = git_oid_equal(&anchor->second, &id);
    auto change = TRY(begins ? read_change(repository, commit.get())
                             : read_range(repository, anchor->second, commit.get()));
    change.off_line = false;
    if (begins) change.first_parent.clear();
    return change;
}

/// Finds one file in the trees of a line, where few commits touch the folder that it is in.
class FileFinder {
public:
    FileFinder(git_repository* repository, const std::string& path)
        : repository_{repository}, path_{path}, top_{path.substr(0, path.find('/'))} {}

    /// Empty: there is no plain file.
    Result<std::string> blob_at(const git_oid& commit) {
        const auto tree = TRY(find_tree(repository_, to_text(commit)));
        const auto* top = git_tree_entry_byname(tree.get(), top_.c_str());
        if (!top) return std::string{};
        if (known_ && git_oid_equal(&*known_, git_tree_entry_id(top))) return blob_;
        blob_ = TRY(look_up(tree.get()));
        known_ = *git_tree_entry_id(top);
        return blob_;
    }

private:
    Result<std::string> look_up(const git_tree* tree) const {
        Handle<git_tree_entry> entry;
        const int code = git_tree_entry_bypath(out(entry), tree, path_.c_str());
        if (code == GIT_ENOTFOUND) return std::string{};
        CHECK(checked(code, path_));
        const bool plain = git_tree_entry_type(entry.get()) == GIT_OBJECT_BLOB &&
                           git_tree_entry_filemode(entry.get()) != GIT_FILEMODE_LINK;
        return plain ? to_text(*git_tree_entry_id(entry.get())) : std::string{};
    }

    git_repository* repository_;
    std::string path_;
    std::string top_;               ///< of its folders, the one at the top
    std::optional<git_oid> known_;  ///< what that was when blob_ was found
    std::string blob_;
};

}  // namespace

Result<std::vector<FileState>> Repository::file_line(const std::string& path,
                                                     const std::string& to) const {
    auto* repository = state_->get();
    const auto anchors = TRY(read_anchors(repository));
    auto at = *git_commit_id(TRY(find_commit(repository, to)).get());
    FileFinder file{repository, path};
    auto blob = TRY(file.blob_at(at));
    std::vector<FileState> states;
    for (std::size_t count = 0; count < limits::kHistoryCommitsMax; ++count) {
        const auto before = TRY(step_back(repository, anchors, at));
        auto former = before ? TRY(file.blob_at(*before)) : std::string{};
        if (blob != former)
            states.push_back({to_commit(TRY(find_commit(repository, to_text(at))).get()), blob});
        if (!before) break;
        at = *before;
        blob = std::move(former);
    }
    return states;
}

Result<std::vector<Commit>> Repository::line(const std::string& from, const std::string& to) const {
    auto* repository = state_->get();
    const auto tip = TRY(find_commit(repository, to));
    std::optional<git_oid> start;
    if (!from.empty()) start = *git_commit_id(TRY(find_commit(repository, from)).get());
    const auto anchors = TRY(read_anchors(repository));
    const auto ids = TRY(line_back(repository, anchors, start, *git_commit_id(tip.get())));
    std::vector<Commit> changes;
    if (!ids) {
        changes.push_back(TRY(range(from, to)));
        return changes;
    }
    for (auto id = ids->rbegin(); id != ids->rend(); ++id)
        changes.push_back(TRY(read_element(repository, anchors, *id)));
    return changes;
}

Result<Commit> Repository::range(const std::string& from, const std::string& to) const {
    const auto start = TRY(find_commit(state_->get(), from));
    const auto tip = TRY(find_commit(state_->get(), to));
    if (!TRY(is_ancestor(from, to)))
        return fail(ErrorCode::conflict, "commit {} does not descend from {}", to, from);
    return read_range(state_->get(), *git_commit_id(start.get()), tip.get());
}

Result<std::string> Repository::before(const std::string& commit) const {
    auto* repository = state_->get();
    const auto found = TRY(find_commit(repository, commit));
    const auto id =
        TRY(step_back(repository, TRY(read_anchors(repository)), *git_commit_id(found.get())));
    return id ? to_text(*id) : std::string{};
}

Result<void> Repository::remember_anchor(const std::string& commit, const std::string& anchor) {
    if (!TRY(is_ancestor(anchor, commit)))
        return fail(ErrorCode::conflict, "commit {} does not descend from {}", commit, anchor);
    const auto id = TRY(to_oid(anchor));
    Handle<git_reference> made;
    return checked(
        git_reference_create(out(made), state_->get(), (std::string{kAnchorRefs} + commit).c_str(),
                             &id, 1, nullptr),
        "cannot remember the anchor of " + commit);
}

}  // namespace tidegate::git
