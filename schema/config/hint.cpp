#include "schema/config/hint.h"

#include <algorithm>
#include <array>

namespace tidegate::config {
namespace {

constexpr std::size_t kHintBytesMax = 40;

/// Optimal string alignment distance: edits, with two swapped neighbours counting once.
std::size_t distance(std::string_view a, std::string_view b) {
    std::array<std::array<std::size_t, kHintBytesMax + 1>, kHintBytesMax + 1> cost{};
    for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i)
        for (std::size_t j = 1; j <= b.size(); ++j) {
            cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1,
                                   cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
        }
    return cost[a.size()][b.size()];
}

}  // namespace

std::string_view nearest(std::string_view text, const std::vector<std::string_view>& known) {
    if (text.size() > kHintBytesMax) return {};
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, text.size() / 3) + 1;
    for (const auto name : known) {
        if (name.size() > kHintBytesMax) continue;
        const auto edits = distance(text, name);
        if (edits < best_distance) {
            best = name;
            best_distance = edits;
        }
    }
    return best;
}

}  // namespace tidegate::config
