#pragma once
/// What is there against what is wished. Compares digests only; who is online, blocked or
/// held is for others.

#include <span>
#include <string_view>
#include <vector>

#include "schema/base/enum_names.h"
#include "schema/model/agent.h"

namespace tidegate::planner {

enum class TargetState {
    in_sync,
    to_install,
    to_update,
    to_uninstall,
    drifted,
    unknown,   ///< an action's effect is not known; nobody touches it by itself
    orphaned,  ///< installed, but nothing wishes it; never touched
};
constexpr auto enum_names(TargetState) {
    return std::array{"in_sync"sv, "to_install"sv, "to_update"sv, "to_uninstall"sv,
                      "drifted"sv, "unknown"sv,    "orphaned"sv};
}

/// What a target should report for a project.
struct Wish {
    Digest digest;        ///< target digest
    bool absent = false;  ///< nothing should be there
};

/// `seen` null: the agent reports nothing there.
[[nodiscard]] TargetState compare(const Wish& wish, const Installation* seen);

struct WishRow {
    InstallKey key;
    Wish wish;
};
struct Difference {
    InstallKey key;
    TargetState state{};
};

/// The whole fleet in one pass over two lists sorted by key: linear, no allocation but the answer.
/// What is in sync is not in it.
[[nodiscard]] std::vector<Difference> diff(std::span<const WishRow> wished,
                                           std::span<const Installation> seen);

}  // namespace tidegate::planner
