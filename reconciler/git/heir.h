#pragma once
/// Private to this folder: the place of a damaged repository, and how another takes it.

#include <string>

#include "schema/base/result.h"
#include "schema/base/time.h"

namespace tidegate::git {

/// Where the new one is made, beside the damaged one: that serves on until it is whole.
[[nodiscard]] std::string heir_of(const std::string& directory);
/// Removes what a process left there that ended in the middle: it may be as large as the copy. What
/// cannot be removed is in nobody's way before the next damage.
void remove_heir(const std::string& directory);
/// Makes an empty folder of it, whatever a former try left.
[[nodiscard]] Result<void> clear_heir(const std::string& directory);
/// conflict: this one was made anew less than an hour before, or that was given up less than five
/// minutes before: whoever serves it may be what is damaged.
[[nodiscard]] Result<void> may_be_made_anew(const std::string& directory, Timestamp now);
/// It was tried and did not come to an end.
void note_given_up(const std::string& directory, Timestamp now);
/// The heir takes the place. The damaged one goes, or stays as `<directory>.damaged` where it
/// `keeps` something that the heir has not.
[[nodiscard]] Result<void> inherit(const std::string& directory, bool keeps, Timestamp now);

}  // namespace tidegate::git
