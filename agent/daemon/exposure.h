#pragma once
/// What keeps scripts from the agent's own folder (its key, its journal). Another user than the
/// agent's does; for the agent's own user Landlock can, if the host's owner forbids sudo.

#include <string>

namespace tidegate::agent {

struct Exposure {
    /// To be kept from scripts by Landlock; empty = nothing is.
    std::string closed_folder;
    /// What scripts can read all the same and why, for people; empty = nothing.
    std::string warning;
};

/// Landlock needs that the user can write in no folder above the data dir: it could move the folder
/// to an allowed place, and under Landlock could not make entries there any more. It must be able
/// to list them all: what stands there is allowed by name.
[[nodiscard]] Exposure find_exposure(const std::string& data_dir, bool other_user, bool allow_sudo);

/// For `tidegate doctor`: leaves the warning (or nothing) in the data dir.
void note_exposure(const std::string& data_dir, const Exposure& exposure);

}  // namespace tidegate::agent
