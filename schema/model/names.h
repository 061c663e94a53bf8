#pragma once
/// The names by which things are known (docs/glossary.md).

#include <compare>
#include <string>

namespace tidegate {

/// An assignment's name: which project in which environment.
struct AssignmentKey {
    std::string environment;
    std::string project;

    friend auto operator<=>(const AssignmentKey&, const AssignmentKey&) = default;

    /// `prod/shop-api`: as in `versions/prod/shop-api.yaml`.
    [[nodiscard]] std::string text() const { return environment + '/' + project; }
};

/// What stands on a target: one project, in one slot (slots exist for blue-green; else empty).
struct InstallKey {
    std::string target;
    std::string project;
    std::string slot;

    friend auto operator<=>(const InstallKey&, const InstallKey&) = default;

    [[nodiscard]] std::string text() const {
        return target + '/' + project + (slot.empty() ? "" : '@' + slot);
    }
};

}  // namespace tidegate
