#pragma once
/// The state that a plan begins with: as if all that base desires were in place, or as the daemon
/// has it.

#include "reconciler/forecast/forecast.h"
#include "reconciler/git/repository.h"

namespace tidegate::cli {

/// Fills in what the daemon at `server` says: what each target reports, whose agent is away, what
/// is last good or quarantined, how long actions took (`learnt`: of which projects). `notes`: what
/// it does not say.
/// Errors: unavailable; invalid.
[[nodiscard]] Result<void> ask_state(const std::string& server, forecast::Start& start,
                                     std::vector<std::string>& notes,
                                     std::vector<std::string>& learnt);

/// Where no daemon is asked: what base desires, but of an assignment that is frozen or paused there
/// and freed at head, whose intent came in while it was, what it had before.
[[nodiscard]] Result<Desired> installed_at(const git::Repository& repository,
                                           const forecast::Start& start,
                                           std::vector<std::string>& notes);

}  // namespace tidegate::cli
