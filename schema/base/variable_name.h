#pragma once
/// What a variable may be called: in the config repo, in agent.yaml and in a script's environment.

#include <algorithm>
#include <string_view>

namespace tidegate {

/// A-Z a-z 0-9 _, first no digit, at most 128.
[[nodiscard]] constexpr bool is_variable_name(std::string_view text) {
    constexpr std::size_t kBytesMax = 128;
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto is_word = [&](char c) {
        return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    };
    return !text.empty() && text.size() <= kBytesMax && !is_digit(text.front()) &&
           std::ranges::all_of(text, is_word);
}

}  // namespace tidegate
