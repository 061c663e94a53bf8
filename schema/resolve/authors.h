#pragma once
/// Who is behind what a commit changes of an assignment. Private to this folder.

#include <set>
#include <string>

#include "schema/resolve/advance.h"

namespace tidegate {

/// As few as one change names: each intent keeps them.
void add_authors(std::set<std::string>& authors, const std::set<std::string>& more);

/// Who wrote what this commit changes of what defines the assignment: its version file, project,
/// environment or `tidegate.yaml`. Who only merges it wrote nothing.
[[nodiscard]] std::set<std::string> changers_of(const Change& change);

/// Keeps them with the digest that they made, if they made one, or changed `state`, `operation` or
/// `retry`. `facts` are still those of the commit before.
void note_changers(AssignmentHistory& facts, const Change& change, const ResolvedAssignment& entry,
                   bool digest_is_new);

/// By its author; where a merge brings it, by whoever wrote it there, and by nobody that can be
/// named where several people wrote that file.
[[nodiscard]] Promotion written_by(const Change& change, const Promote& promote);

}  // namespace tidegate
