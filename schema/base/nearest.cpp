#include "schema/base/nearest.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace tidegate {
namespace {

constexpr std::size_t kNameBytesMax = 100;
constexpr std::size_t kKnownMax = 1'000;

/// Optimal string alignment distance: edits, with two swapped neighbours counting once. Rows of the
/// table are kept only as long as they are looked at.
std::size_t distance(std::string_view a, std::string_view b) {
    std::array<std::array<std::size_t, kNameBytesMax + 1>, 3> rows;
    for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        auto& row = rows[i % 3];
        const auto& above = rows[(i - 1) % 3];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min(
                {above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string_view nearest(std::string_view text, const std::vector<std::string_view>& known) {
    if (text.size() > kNameBytesMax) return {};
    const bool many = known.size() > kKnownMax;
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, text.size() / 3) + 1;
    for (const auto name : known) {
        if (name.size() > kNameBytesMax || (many && name.substr(0, 1) != text.substr(0, 1)))
            continue;
        const auto edits = distance(text, name);
        if (edits < best_distance) {
            best = name;
            best_distance = edits;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view text, const std::vector<std::string_view>& known) {
    const auto near = nearest(text, known);
    return near.empty() ? std::string{} : fmt::format("; did you mean '{}'?", near);
}

}  // namespace tidegate
