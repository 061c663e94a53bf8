#include "reconciler/git/repository.h"

#include <filesystem>
#include <system_error>

#include "reconciler/git/damage.h"
#include "reconciler/git/library.h"
#include "reconciler/git/mended.h"
#include "schema/base/utf8.h"

namespace tidegate::git {
namespace {

namespace fs = std::filesystem;

bool is_leftover(const fs::path& path) {
    const auto name = path.filename().string();
    return path.extension() == ".lock" || name.starts_with("pack_git2_") ||
           name.starts_with("tmp_object_git2_");
}

/// Locks of refs and of the files beside them.
void remove_locks(const fs::path& directory) {
    std::error_code ignored;
    const auto remove = [&](const fs::directory_entry& entry) {
        if (entry.path().extension() == ".lock" && entry.is_regular_file(ignored))
            fs::remove(entry.path(), ignored);
    };
    for (const auto& entry : fs::directory_iterator{directory, ignored}) remove(entry);
    fs::recursive_directory_iterator refs{directory / "refs", ignored};
    for (; refs != fs::recursive_directory_iterator{}; refs.increment(ignored)) {
        if (ignored) return;
        remove(*refs);
    }
}

/// Only a process that was killed in the middle leaves these; the next write would fail on them.
void remove_leftovers(const std::string& directory) {
    std::error_code ignored;
    fs::recursive_directory_iterator walk{directory, fs::directory_options::skip_permission_denied,
                                          ignored};
    for (; walk != fs::recursive_directory_iterator{}; walk.increment(ignored)) {
        if (ignored) return;
        if (walk->is_regular_file(ignored) && is_leftover(walk->path()))
            fs::remove(walk->path(), ignored);
    }
}

Result<Handle<git_repository>> init_bare(const std::string& directory) {
    git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
    options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
    options.mode = 0700;
    options.initial_head = "tidegate";
    Handle<git_repository> repository;
    CHECK(checked(git_repository_init_ext(out(repository), directory.c_str(), &options),
                  "cannot make a repository in " + directory));
    return repository;
}

/// Git itself would take a tag before the branch of the same name; people who say `main` mean what
/// the daemon follows.
std::string branch_before_tag(git_repository* repository, const std::string& revision) {
    const auto name = revision.substr(0, revision.find_first_of("~^@:"));
    if (name.empty() || name == "HEAD" || name.starts_with("refs/")) return revision;
    Handle<git_reference> branch;
    const auto full = "refs/heads/" + name;
    const bool is_branch = git_reference_lookup(out(branch), repository, full.c_str()) == 0;
    return is_branch ? "refs/heads/" + revision : revision;
}

}  // namespace

Repository::Repository(std::unique_ptr<State> state) : state_{std::move(state)} {}
Repository::Repository(Repository&&) noexcept = default;
Repository& Repository::operator=(Repository&&) noexcept = default;
Repository::~Repository() = default;

Result<Repository> Repository::open_or_init(const std::string& directory) {
    start_library();
    remove_leftovers(directory);
    Handle<git_repository> repository;
    if (git_repository_open_bare(out(repository), directory.c_str()) < 0)
        repository = TRY(init_bare(directory));
    CHECK(show(Commits::mended, repository.get()));
    if (const auto ref = damaged_ref(directory)) return fail(ErrorCode::internal, "{}", *ref);
    auto state = std::make_unique<State>();
    state->repository = std::move(repository);
    state->own = true;
    state->ssh_folder = git_repository_path(state->get()) + std::string{"tidegate-ssh"};
    return Repository{std::move(state)};
}

Result<Repository> Repository::open_existing(const std::string& path) {
    start_library();
    auto state = std::make_unique<State>();
    CHECK(checked(git_repository_open(out(state->repository), path.c_str()),
                  "cannot open the repository " + path));
    CHECK(show(Commits::mended, state->get()));
    return Repository{std::move(state)};
}

void Repository::State::remove_stale_locks() const {
    if (own) remove_locks(git_repository_path(repository.get()));
}

void Repository::on_progress(Progress progress) { state_->progress = std::move(progress); }

Result<std::string> Repository::resolve(const std::string& revision) const {
    if (to_oid(revision)) {
        const auto commit = TRY(find_commit(state_->get(), revision));
        return to_text(*git_commit_id(commit.get()));
    }
    Handle<git_object> object;
    const auto meant = branch_before_tag(state_->get(), revision);
    CHECK(checked(git_revparse_single(out(object), state_->get(), meant.c_str()),
                  "revision " + to_utf8(revision)));
    Handle<git_object> commit;
    CHECK(checked(git_object_peel(out(commit), object.get(), GIT_OBJECT_COMMIT),
                  "revision " + to_utf8(revision)));
    return to_text(*git_object_id(commit.get()));
}

Result<bool> Repository::is_ancestor(const std::string& ancestor,
                                     const std::string& descendant) const {
    const auto from = TRY(find_commit(state_->get(), ancestor));
    const auto to = TRY(find_commit(state_->get(), descendant));
    if (git_oid_equal(git_commit_id(from.get()), git_commit_id(to.get()))) return true;
    const int answer =
        git_graph_descendant_of(state_->get(), git_commit_id(to.get()), git_commit_id(from.get()));
    CHECK(checked_part(answer, "history of " + descendant));
    return answer == 1;
}

Result<void> Repository::keep(const std::string& commit) {
    const auto kept = TRY(find_commit(state_->get(), commit));
    const auto name = std::string{kAcceptedRefs} + commit;
    Handle<git_reference> reference;
    CHECK(checked(git_reference_create(out(reference), state_->get(), name.c_str(),
                                       git_commit_id(kept.get()), 1, nullptr),
                  "cannot keep commit " + commit));
    Handle<git_reference_iterator> others;
    CHECK(checked(git_reference_iterator_glob_new(out(others), state_->get(),
                                                  (std::string{kAcceptedRefs} + "*").c_str()),
                  "accepted commits"));
    Handle<git_reference> other;
    while (git_reference_next(out(other), others.get()) == 0) {
        const auto* target = git_reference_target(other.get());
        if (target &&
            git_graph_descendant_of(state_->get(), git_commit_id(kept.get()), target) == 1)
            CHECK(checked(git_reference_delete(other.get()), "an older accepted commit"));
    }
    return {};
}

}  // namespace tidegate::git
