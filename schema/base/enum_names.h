#pragma once
/// Enumerations with names, so that YAML, JSON, wire and messages all spell a value alike.
/// An enumeration takes part by a function beside it, in the order of its values:
///
///     enum class Heal { on, off };
///     constexpr auto enum_names(Heal) { return std::array{"true"sv, "false"sv}; }

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace tidegate {

using namespace std::string_view_literals;

template <class E>
concept NamedEnum = requires {
    enum_names(E{});
};

template <NamedEnum E>
[[nodiscard]] constexpr std::string_view to_string(E value) {
    return enum_names(E{})[static_cast<std::size_t>(value)];
}

template <NamedEnum E>
[[nodiscard]] constexpr std::optional<E> from_string(std::string_view text) {
    constexpr auto names = enum_names(E{});
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == text) return static_cast<E>(i);
    return std::nullopt;
}

}  // namespace tidegate
