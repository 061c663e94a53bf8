#pragma once
/// The two places that one installation has on a target where it is deployed beside itself
/// (blue_green): InstallKey::slot is one of these names, and empty where there are no slots.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace tidegate {

inline constexpr std::string_view kBlue = "blue";  ///< the first install's
inline constexpr std::string_view kGreen = "green";
inline constexpr std::array kSlots{kBlue, kGreen};

[[nodiscard]] constexpr bool is_slot(std::string_view name) {
    return std::ranges::find(kSlots, name) != kSlots.end();
}
/// `blue` of `green` and back; empty of anything else.
[[nodiscard]] constexpr std::string_view other_slot(std::string_view slot) {
    return slot == kBlue ? kGreen : slot == kGreen ? kBlue : std::string_view{};
}

/// Among an agent's capabilities: it keeps two slots of one project apart, and knows variables of
/// type slot_specific.
inline constexpr std::string_view kSlotsCapability = "slots";

}  // namespace tidegate
