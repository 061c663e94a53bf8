#pragma once
/// Private to this folder: every fetch adds a pack, and libgit2 asks every pack for every object.

#include "reconciler/git/library.h"

namespace tidegate::git {

/// Puts the objects of the small packs into one, if there are many of them. No object is lost,
/// whether a ref reaches it or not; the repository must show commits as they are (mended.h). True:
/// packs were removed; handles opened before must go.
[[nodiscard]] Result<bool> compact(git_repository* repository);

}  // namespace tidegate::git
