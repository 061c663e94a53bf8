#pragma once
/// Private to this folder: pushing to a repository on the same machine. libgit2's own way writes
/// into the other repository directly: no hook runs, and a ref is overwritten without comparing.
/// So the `git` program's receive-pack is spoken to, as git itself does.

#include <git2.h>

#include <optional>
#include <string>

namespace tidegate::git {

/// The folder that a plain path or a `file://` URL names; none for any other URL.
[[nodiscard]] std::optional<std::string> local_folder(const std::string& url);

/// A git_transport_cb; the payload is not used. Expects a local URL.
int make_local_push_transport(git_transport** transport, git_remote* owner, void* payload);

}  // namespace tidegate::git
