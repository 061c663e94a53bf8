#pragma once
/// Private to this folder: what a power cut or a bad disk made of our own repository. Nobody else
/// writes there, so what cannot be read in it was lost here, whatever the remote holds.

#include <map>
#include <optional>
#include <string>

#include "reconciler/git/library.h"

namespace tidegate::git {

/// Why a ref of ours is none (its file is empty, or zeros); none: all of them are well. libgit2
/// leaves such refs out of its lists.
[[nodiscard]] std::optional<std::string> damaged_ref(const std::string& directory);

/// The names below a prefix, and what each names; none: it is damaged.
[[nodiscard]] std::map<std::string, std::optional<git_oid>> refs_below(const std::string& directory,
                                                                       std::string_view prefix);

/// Why a pack, or its index, cannot be opened: libgit2 then takes what is in it for not there.
[[nodiscard]] std::optional<std::string> damaged_pack(const std::string& directory);

/// Why a commit that is not here should be: there is damage, or it was kept (Repository::keep).
[[nodiscard]] std::optional<std::string> why_lost(git_repository* repository,
                                                  const std::string& commit);

/// Whatever can be found by reading it all, as far as 256 MiB go.
[[nodiscard]] std::optional<std::string> find_damage(git_repository* repository);

/// What something here refers to: that it is not there is `internal` (see Repository).
[[nodiscard]] Result<void> checked_part(int code, std::string_view what);

}  // namespace tidegate::git
