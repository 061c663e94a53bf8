#pragma once
/// Where something stands in a text that a person wrote, so that an error can point at it.

#include <string>

namespace tidegate {

/// A place in a file of the config repo (or any other input). Lines and columns count from 1;
/// 0 means "not known". An empty file name means "no place".
struct Position {
    std::string file;
    int line = 0;
    int column = 0;

    friend auto operator<=>(const Position&, const Position&) = default;

    /// `versions/prod/shop-api.yaml:7:11`; shorter where parts are unknown; empty without a file.
    [[nodiscard]] std::string text() const;
};

}  // namespace tidegate
