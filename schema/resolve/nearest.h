#pragma once
/// "did you mean": the name that is most likely meant by a wrong one.

#include <span>
#include <string>
#include <string_view>

namespace tidegate {

/// The candidate with the fewest edits, if there are at most two (or a third of the name's length);
/// the first of equals. Empty text when none is near. Of more than a thousand candidates only those
/// with the same first letter count.
[[nodiscard]] std::string nearest_name(std::string_view name,
                                       std::span<const std::string> candidates);
/// ` (did you mean "x"?)`, or empty.
[[nodiscard]] std::string did_you_mean(std::string_view name,
                                       std::span<const std::string> candidates);

}  // namespace tidegate
