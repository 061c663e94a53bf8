#pragma once
/// What the version before wrote.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace tidegate::before {

inline std::filesystem::path recorded_path(const std::string& name) {
    return std::filesystem::path{TIDEGATE_SOURCE_DIR} / "tests/golden/before/0.1.0-3ded667" / name;
}

inline std::string recorded(const std::string& name) {
    std::ifstream in{recorded_path(name), std::ios::binary};
    EXPECT_TRUE(in) << name;
    return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace tidegate::before
