#pragma once
/// "did you mean …?" for names that were mistyped. Private to schema/config.

#include <string_view>
#include <vector>

namespace tidegate::config {

/// The known name that is nearest to `text`: at most a third of its letters changed, added, left
/// out or swapped. Empty when none is near.
[[nodiscard]] std::string_view nearest(std::string_view text,
                                       const std::vector<std::string_view>& known);

}  // namespace tidegate::config
