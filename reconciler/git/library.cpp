#include "reconciler/git/library.h"

#include <array>
#include <cstdint>

#include "reconciler/git/damage.h"
#include "schema/base/utf8.h"

namespace tidegate::git {
namespace {

constexpr std::size_t kMappedWindowBytes = 32 << 20;
constexpr std::size_t kMappedBytesMax = 512 << 20;
constexpr std::size_t kOpenPacksMax = 64;
constexpr std::ptrdiff_t kCacheBytesMax = 64 << 20;

ErrorCode code_of(int code, int error_class) {
    switch (code) {
        case GIT_ENOTFOUND:
            return ErrorCode::not_found;
        case GIT_EEXISTS:
        case GIT_EMODIFIED:
        case GIT_ELOCKED:
        case GIT_ENONFASTFORWARD:
        case GIT_EDIRECTORY:
            return ErrorCode::conflict;
        case GIT_EAUTH:
        case GIT_ECERTIFICATE:
            return ErrorCode::denied;
        case GIT_EINVALIDSPEC:
        case GIT_EAMBIGUOUS:
            return ErrorCode::invalid;
        default:
            break;
    }
    switch (error_class) {
        case GIT_ERROR_NOMEMORY:
            return ErrorCode::exhausted;
        case GIT_ERROR_TREE:  // malformed by whoever made it; what is damaged here does not get so
                              // far
            return ErrorCode::invalid;
        case GIT_ERROR_OS:
        case GIT_ERROR_NET:
        case GIT_ERROR_HTTP:
        case GIT_ERROR_SSH:
        case GIT_ERROR_SSL:
            return ErrorCode::unavailable;
        default:
            return ErrorCode::internal;
    }
}

}  // namespace

void start_library() {
    static const bool started = [] {
        git_libgit2_init();
        for (const auto level : {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
                                 GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL})
            git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
        // libgit2 runs nothing that a repository's configuration names, so its owner is no matter.
        git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
        git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
        git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);  // see mended.h
        git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, kMappedWindowBytes);
        git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, kMappedBytesMax);
        git_libgit2_opts(GIT_OPT_SET_MWINDOW_FILE_LIMIT, kOpenPacksMax);
        git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, kCacheBytesMax);
        return true;
    }();
    static_cast<void>(started);
}

Result<void> checked(int code, std::string_view what) {
    if (code >= 0) return {};
    const auto* error = git_error_last();
    return fail(code_of(code, error ? error->klass : GIT_ERROR_NONE), "{}: {}", what,
                error && error->message ? one_line(to_utf8(error->message)) : "no reason given");
}

Result<git_oid> to_oid(std::string_view id) {
    git_oid oid{};
    if (id.size() != GIT_OID_HEXSZ || git_oid_fromstrn(&oid, id.data(), id.size()) < 0)
        return fail(ErrorCode::invalid, "an object id must be 40 hexadecimal digits, got \"{}\"",
                    to_utf8(id.substr(0, 80)));
    return oid;
}

std::string to_text(const git_oid& id) {
    std::array<char, GIT_OID_HEXSZ + 1> text{};
    return git_oid_tostr(text.data(), text.size(), &id);
}

Result<Handle<git_commit>> find_commit(git_repository* repository, const std::string& id) {
    const auto oid = TRY(to_oid(id));
    Handle<git_commit> commit;
    auto found = checked(git_commit_lookup(out(commit), repository, &oid), "commit " + id);
    if (found) return commit;
    if (found.error().code == ErrorCode::not_found)
        if (const auto why = why_lost(repository, id))
            return fail(ErrorCode::internal, "commit {} is lost: {}", id, *why);
    return fail(std::move(found).error());
}

Result<Handle<git_tree>> find_tree(git_repository* repository, const std::string& commit) {
    const auto found = TRY(find_commit(repository, commit));
    Handle<git_tree> tree;
    CHECK(checked_part(git_commit_tree(out(tree), found.get()), "tree of commit " + commit));
    return tree;
}

}  // namespace tidegate::git
