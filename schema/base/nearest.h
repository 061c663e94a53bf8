#pragma once
/// "did you mean …?" for names that were mistyped.

#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

/// The known name that is nearest to `text`: at most a third of its letters (one at least) changed,
/// added, left out or swapped. Empty when none is near. Names of more than 100 bytes are not looked
/// at; of more than a thousand known ones, only those with the same first letter.
[[nodiscard]] std::string_view nearest(std::string_view text,
                                       const std::vector<std::string_view>& known);

/// `; did you mean 'x'?`, or empty.
[[nodiscard]] std::string did_you_mean(std::string_view text,
                                       const std::vector<std::string_view>& known);
[[nodiscard]] inline std::string did_you_mean(std::string_view text,
                                              const std::vector<std::string>& known) {
    return did_you_mean(text, std::vector<std::string_view>{known.begin(), known.end()});
}

}  // namespace tidegate
