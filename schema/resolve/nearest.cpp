#include "schema/resolve/nearest.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace tidegate {
namespace {

/// Levenshtein distance by rows.
std::size_t edits(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
            diagonal = above;
        }
    }
    return row.back();
}

constexpr std::size_t kNameLengthMax = 100;
constexpr std::size_t kCandidatesMax = 1000;

}  // namespace

std::string nearest_name(std::string_view name, std::span<const std::string> candidates) {
    if (name.size() > kNameLengthMax) return {};
    std::size_t best = std::max<std::size_t>(2, name.size() / 3) + 1;
    std::string found;
    const bool many = candidates.size() > kCandidatesMax;
    for (const auto& candidate : candidates) {
        if (many && candidate.substr(0, 1) != name.substr(0, 1)) continue;
        const auto longer = std::max(name.size(), candidate.size());
        if (longer - std::min(name.size(), candidate.size()) >= best) continue;
        const auto distance = edits(name, candidate);
        if (distance >= best || distance >= longer) continue;
        best = distance;
        found = candidate;
    }
    return found;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates) {
    const auto near = nearest_name(name, candidates);
    return near.empty() ? std::string{} : fmt::format(" (did you mean \"{}\"?)", near);
}

}  // namespace tidegate
