#pragma once
/// What a ConfigSource made of a revert.

#include <string>
#include <variant>

#include "reconciler/engine/question.h"

namespace tidegate::test {

/// Null = it came to something else, or failed.
template <typename Kind>
[[nodiscard]] const Kind* got(const Result<engine::RevertDone>& done) {
    return done ? std::get_if<Kind>(&done->outcome) : nullptr;
}
[[nodiscard]] inline std::string why(const Result<engine::RevertDone>& done) {
    return done ? "outcome " + std::to_string(done->outcome.index()) : done.error().text();
}

}  // namespace tidegate::test
