#pragma once
/// Private to this folder: one connection to a remote, with all that keeps it safe.

#include <git2.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "reconciler/git/library.h"

namespace tidegate::git {

/// libgit2 1.5 takes known hosts only from `$HOME/.ssh/known_hosts`; this is such a HOME, with
/// nothing else in it, for one conversation.
class KnownHosts {
public:
    KnownHosts() = default;
    KnownHosts(const KnownHosts&) = delete;
    KnownHosts& operator=(const KnownHosts&) = delete;
    ~KnownHosts();
    /// An empty `folder`: a temporary one.
    [[nodiscard]] Result<void> set(const std::string& file, const std::string& folder);

private:
    std::filesystem::path folder_;
    std::optional<std::string> home_;
};

/// What libgit2's callbacks need and note. Stays where it is while the connection lives.
struct Conversation {
    const Remote& remote;
    const Progress& progress;
    git_remote_callbacks callbacks = GIT_REMOTE_CALLBACKS_INIT;
    KnownHosts known_hosts;
    Handle<git_remote> handle;
    std::optional<Error> refusal;       ///< ours, from a callback
    std::optional<std::string> status;  ///< the server's, about the pushed ref
    std::string words;                  ///< what the server said to people
    int credential_tries = 0;

    Conversation(const Remote& with, const Progress& told) : remote{with}, progress{told} {}
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    int refuse(ErrorCode code, std::string message) {
        refusal = Error{code, std::move(message), {}};
        return GIT_EUSER;
    }
};

/// On the same machine, `ask` costs least, the others go through the `git` program.
enum class Purpose { ask, download, upload };

[[nodiscard]] Result<std::unique_ptr<Conversation>> connect(Repository::State& state,
                                                            const Remote& remote, Purpose purpose);
/// What the remote's ref holds, as it said when it was connected to; empty: no such ref.
[[nodiscard]] Result<std::string> remote_ref(const Conversation& conversation,
                                             const std::string& name);
/// Some of its branches, for people: `main, release and 3 more`; empty: it has none.
[[nodiscard]] Result<std::string> some_branches(const Conversation& conversation);
/// libgit2's last error in the terms of a remote.
[[nodiscard]] Error remote_error(const Conversation& conversation, int code);

}  // namespace tidegate::git
