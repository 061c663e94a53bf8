#pragma once
/// Private to this folder: libgit2's handles, ids and errors in our terms.

#include <git2.h>

#include <memory>
#include <string>
#include <string_view>

#include "reconciler/git/repository.h"
#include "reconciler/git/types.h"
#include "schema/base/result.h"

namespace tidegate::git {

struct Free {
    void operator()(git_repository* p) const { git_repository_free(p); }
    void operator()(git_reference* p) const { git_reference_free(p); }
    void operator()(git_reference_iterator* p) const { git_reference_iterator_free(p); }
    void operator()(git_object* p) const { git_object_free(p); }
    void operator()(git_commit* p) const { git_commit_free(p); }
    void operator()(git_tree* p) const { git_tree_free(p); }
    void operator()(git_tree_entry* p) const { git_tree_entry_free(p); }
    void operator()(git_treebuilder* p) const { git_treebuilder_free(p); }
    void operator()(git_blob* p) const { git_blob_free(p); }
    void operator()(git_odb* p) const { git_odb_free(p); }
    void operator()(git_odb_object* p) const { git_odb_object_free(p); }
    void operator()(git_diff* p) const { git_diff_free(p); }
    void operator()(git_revwalk* p) const { git_revwalk_free(p); }
    void operator()(git_packbuilder* p) const { git_packbuilder_free(p); }
    void operator()(git_remote* p) const { git_remote_free(p); }
    void operator()(git_signature* p) const { git_signature_free(p); }
};
template <class T>
using Handle = std::unique_ptr<T, Free>;

/// Passes a handle where libgit2 wants a `T**`.
template <class T>
class Out {
public:
    explicit Out(Handle<T>& handle) : handle_{handle} {}
    Out(const Out&) = delete;
    Out& operator=(const Out&) = delete;
    ~Out() { handle_.reset(raw_); }
    operator T**() { return &raw_; }

private:
    Handle<T>& handle_;
    T* raw_ = nullptr;
};
template <class T>
[[nodiscard]] Out<T> out(Handle<T>& handle) {
    return Out<T>{handle};
}

struct Repository::State {
    Handle<git_repository> repository;
    /// Where ssh may find its known hosts; empty: in a temporary folder.
    std::string ssh_folder;
    bool own = false;  ///< the daemon's, which nobody else uses
    Progress progress;

    [[nodiscard]] git_repository* get() const { return repository.get(); }
    /// Nobody else uses our own repository, so a lock that is there when nothing runs is a dead
    /// child's; it would be in the way for ever.
    void remove_stale_locks() const;
};

/// Of our own repository: commits that are kept, each by a ref of its id, and where lines go on.
inline constexpr std::string_view kAcceptedRefs = "refs/tidegate/accepted/";
inline constexpr std::string_view kAnchorRefs = "refs/tidegate/anchors/";

/// Starts libgit2 once per process, with no configuration of users or the system in its sight.
void start_library();

/// An error for a negative return code of libgit2, with libgit2's own words.
[[nodiscard]] Result<void> checked(int code, std::string_view what);

[[nodiscard]] Result<git_oid> to_oid(std::string_view id);
[[nodiscard]] std::string to_text(const git_oid& id);

[[nodiscard]] Result<Handle<git_commit>> find_commit(git_repository* repository,
                                                     const std::string& id);
[[nodiscard]] Result<Handle<git_tree>> find_tree(git_repository* repository,
                                                 const std::string& commit);

}  // namespace tidegate::git
