#pragma once
/// For YAML files that are read by yaml-cpp itself: agent.yaml, tidegated's config file. The config
/// repo's documents have it in read_document.

#include <string_view>

#include "schema/base/result.h"

namespace tidegate::config {

/// The first quote that takes in what stands behind it, at its place: one that is never closed, or
/// goes on in a line that is not indented. yaml-cpp reads both as if they were meant. What is no
/// YAML in another way is left to who reads it. Pure; costs a parse of the text.
[[nodiscard]] Result<void> check_quotes(std::string_view file, std::string_view text);

/// Where a parser gave up (counted from 1), and `said` why. In its place the cause, at its place,
/// where that can be seen there: a tab, a carriage return alone, a conflict marker.
[[nodiscard]] Error parse_error(std::string_view file, std::string_view text, int line, int column,
                                const std::string& said);

}  // namespace tidegate::config
