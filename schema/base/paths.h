#pragma once
/// Paths as text, before anybody asks a disk.

#include <string_view>

namespace tidegate {

/// Whether `..` is one of the parts between slashes. What stands below such a path may lie outside
/// of what it begins with, so agents take none for a work_dir.
[[nodiscard]] constexpr bool has_parent_part(std::string_view path) {
    for (;;) {
        const auto slash = path.find('/');
        if (path.substr(0, slash) == "..") return true;
        if (slash == std::string_view::npos) return false;
        path.remove_prefix(slash + 1);
    }
}

}  // namespace tidegate
