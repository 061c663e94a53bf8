#pragma once
/// Private to this folder: commits that git takes and libgit2 does not. Of what is pushed git reads
/// no more than tree and parents (parse_commit_buffer in its commit.c), so whoever may push can
/// bring one without a readable author; libgit2 then refuses each look at the branch.

#include <optional>
#include <string>
#include <string_view>

#include "reconciler/git/library.h"

namespace tidegate::git {

/// A field in the header of a mended commit.
inline constexpr auto kMendedField = "tidegate-mended";

/// The commit with a line by "unknown" for each author or committer that cannot be read. Parents
/// beyond what libgit2 takes (65,535) and of the header all but the encoding are left out. None:
/// libgit2 reads it as it is, or not even git does. Pure.
[[nodiscard]] std::optional<std::string> mended_commit(std::string_view raw);

enum class Commits { mended, as_they_are };

/// All that reads the repository's objects finds commits so from here on. Every object is compared
/// with its id; libgit2, which would refuse what is mended, no longer does that itself.
[[nodiscard]] Result<void> show(Commits commits, git_repository* repository);

}  // namespace tidegate::git
