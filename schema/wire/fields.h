#pragma once
/// Checks of single fields of messages that came, for this folder alone. `invalid` names the field
/// and says what came.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <ranges>
#include <string>
#include <string_view>

#include "schema/base/digest.h"
#include "schema/base/enum_names.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace tidegate::wire {

/// What came, fit to be shown: short, printable.
[[nodiscard]] std::string shown(std::string_view text);

[[nodiscard]] Result<std::string> object_name(const char* field, const std::string& text);
[[nodiscard]] Result<std::string> slot_or_empty(const char* field, const std::string& text);
[[nodiscard]] Result<std::string> id(const char* field, const std::string& text);
[[nodiscard]] Result<std::string> id_or_empty(const char* field, const std::string& text);
[[nodiscard]] Result<Digest> digest(const char* field, const std::string& bytes);
[[nodiscard]] Result<int> number(const char* field, std::uint32_t value,
                                 std::uint32_t maximum = std::numeric_limits<int>::max());
[[nodiscard]] Result<Seconds> seconds(const char* field, std::uint64_t value);
[[nodiscard]] Result<Timestamp> timestamp(const char* field, std::int64_t value);
[[nodiscard]] Result<void> at_most(const char* field, int count, std::size_t maximum);

template <NamedEnum E>
[[nodiscard]] Result<E> named(const char* field, const std::string& text) {
    const auto value = from_string<E>(text);
    if (!value)
        return fail(ErrorCode::invalid, "{} is '{}', which this build does not know", field,
                    shown(text));
    return *value;
}

/// A peer's free text is cut, not refused: its journal would send the same again. Outputs may be as
/// long as a frame, which the row that holds them has room for.
[[nodiscard]] std::string error_text(const std::string& text);
[[nodiscard]] std::string word(const std::string& text);

[[nodiscard]] auto first(const auto& items, std::size_t maximum) {
    return std::ranges::subrange{
        items.begin(), items.begin() + std::min<std::ptrdiff_t>(
                                           items.size(), static_cast<std::ptrdiff_t>(maximum))};
}

}  // namespace tidegate::wire
