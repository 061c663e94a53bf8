#pragma once
/// Helpers for tests that read documents from text.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "schema/config/read.h"

namespace tidegate::config {

/// `line:column: message` of every error.
inline std::vector<std::string> lines_of(const std::vector<Error>& errors) {
    std::vector<std::string> lines;
    for (const auto& error : errors)
        lines.push_back(
            fmt::format("{}:{}: {}", error.position.line, error.position.column, error.message));
    return lines;
}

/// The document of a file that must be good.
template <class T>
T read_good(std::string_view path, std::string_view text) {
    const auto parsed = read_document(path, text);
    EXPECT_THAT(lines_of(parsed.errors), testing::IsEmpty()) << path << '\n' << text;
    if (parsed.document == nullptr) return {};
    return std::get<T>(*parsed.document);
}

inline std::string project(std::string_view rest) {
    return "apiVersion: tidegate/v1\nkind: Project\nname: shop-api\n" + std::string(rest);
}
inline std::string script_project(std::string_view rest) {
    return project("deploy: {type: script, config: {install_script: ./install}}\n" +
                   std::string(rest));
}
inline std::string environment(std::string_view rest) {
    return "apiVersion: tidegate/v1\nkind: Environment\nname: prod\n" + std::string(rest);
}
inline std::string version(std::string_view rest) {
    return "apiVersion: tidegate/v1\nkind: Version\n" + std::string(rest);
}
inline std::string repository(std::string_view rest) {
    return "apiVersion: tidegate/v1\nkind: Repository\n" + std::string(rest);
}

constexpr auto kProjectPath = "projects/shop-api.yaml";
constexpr auto kEnvironmentPath = "environments/prod.yaml";
constexpr auto kVersionPath = "versions/prod/shop-api.yaml";
constexpr auto kRepositoryPath = "tidegate.yaml";

}  // namespace tidegate::config
