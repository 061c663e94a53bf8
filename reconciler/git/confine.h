#pragma once
/// Private to this folder: the wall around the Git child.

#include "reconciler/git/codec.h"
#include "schema/base/result.h"

namespace tidegate::git {

/// Of the calling process, for ever. Errors: as `confine` of schema/files/landlock.h.
[[nodiscard]] Result<void> confine_child(const Hello& hello);

}  // namespace tidegate::git
