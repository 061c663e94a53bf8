#pragma once
/// Reads answers of a daemon that may be older or newer: what is missing or of another type is
/// empty, never an exception. Text comes back as one line without control characters.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "schema/base/time.h"

namespace tidegate::cli {

[[nodiscard]] std::string text_of(const nlohmann::json& object, const char* key,
                                  std::string_view otherwise = "");
/// The same with its lines, for logs.
[[nodiscard]] std::string lines_of(const nlohmann::json& object, const char* key,
                                   std::string_view otherwise = "");
[[nodiscard]] std::int64_t number_of(const nlohmann::json& object, const char* key);
/// The member, or null.
[[nodiscard]] const nlohmann::json& member(const nlohmann::json& object, const char* key);
/// The member if it is a list; else an empty one.
[[nodiscard]] const nlohmann::json& list_of(const nlohmann::json& object, const char* key);
/// An instant with what a clock of its window's time zone shows, if that is said.
[[nodiscard]] std::string with_local(const std::string& at, const std::string& local);
/// The first nine characters of a commit id.
[[nodiscard]] std::string short_commit(const std::string& commit);
/// The same of the member `commit`; the whole of `otherwise` where there is none.
[[nodiscard]] std::string commit_of(const nlohmann::json& object, std::string_view otherwise);

/// How `last_good` is called that is no version: an uninstall was the last that ended well.
inline constexpr std::string_view kAbsent = "absent";
/// Of a `last_good`: its version, kAbsent, or `otherwise` where there is none.
[[nodiscard]] std::string good_version(const nlohmann::json& good, std::string_view otherwise);

}  // namespace tidegate::cli
