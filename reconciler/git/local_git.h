#pragma once
/// Private to this folder: a repository on the same machine, spoken to as git itself does, through
/// the `git` program's upload-pack and receive-pack. libgit2's own way of pushing there writes
/// into the other repository: no hook runs, and a ref is overwritten without comparing. Its own
/// way of fetching packs everything anew: 18 s for 10,000 commits over 10,000 files.

#include <git2.h>

#include <optional>
#include <string>

namespace tidegate::git {

/// The folder that a plain path or a `file://` URL names; none for any other URL.
[[nodiscard]] std::optional<std::string> local_folder(const std::string& url);

/// A git_transport_cb for a local URL; the payload is not used.
int make_local_transport(git_transport** transport, git_remote* owner, void* payload);

}  // namespace tidegate::git
