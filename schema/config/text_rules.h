#pragma once
/// Forms of text that several documents share. Private to schema/config.

#include <chrono>
#include <string_view>

#include "schema/base/limits.h"
#include "schema/base/variable_name.h"
#include "schema/config/fields.h"

namespace tidegate::config {

[[nodiscard]] bool is_http_url(std::string_view text);
[[nodiscard]] bool is_absolute_path(std::string_view text);
[[nodiscard]] bool is_sha256(std::string_view text);
[[nodiscard]] bool is_commit(std::string_view text);
[[nodiscard]] bool is_port(std::string_view text);
[[nodiscard]] bool is_size(std::string_view text);
[[nodiscard]] bool is_instant(std::string_view text);
[[nodiscard]] bool is_encrypted(std::string_view text);
[[nodiscard]] bool is_artifact_url(std::string_view text);
[[nodiscard]] bool is_zone_name(std::string_view text);
/// Five fields (minute, hour, day of month, month, day of week), each `*`, a number, a range, a
/// step or a list of those; months and days may be named by three letters.
[[nodiscard]] bool is_cron(std::string_view text);
[[nodiscard]] inline bool is_not_empty(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") != std::string_view::npos;
}

/// A line that may be empty.
inline constexpr Text kLine{"text", nullptr};
// `${NAME}` may stand for a whole URL, path or port: its value is known on the agent only.
inline constexpr Text kNotEmpty{"text that is not empty", is_not_empty, "[^ \\t\\r\\n]"};
/// A script, or another text of several lines.
inline constexpr Text kBody{.wanted = kNotEmpty.wanted,
                            .valid = kNotEmpty.valid,
                            .pattern = kNotEmpty.pattern,
                            .lines = true};
// Bounded, so that there is a bound for what an action carries (schema/resolve/action_size.h).
inline constexpr Text kVersion{kNotEmpty.wanted, kNotEmpty.valid, kNotEmpty.pattern, false,
                               limits::kVersionBytesMax};
inline constexpr Text kPipelineName{kNotEmpty.wanted, kNotEmpty.valid, kNotEmpty.pattern, false,
                                    limits::kPipelineNameBytesMax};
inline constexpr Text kObjectName{"a name of a-z 0-9 . _ -, at most 63, first a letter or a digit",
                                  is_object_name, "^[a-z0-9][a-z0-9._-]{0,62}$"};
inline constexpr Text kVariableName{"a name of A-Z a-z 0-9 _, first no digit", is_variable_name,
                                    "^[A-Za-z_][A-Za-z0-9_]{0,127}$"};
inline constexpr Text kHttpUrl{"a URL that begins with http:// or https:// (or ${)", is_http_url,
                               "^(https?://[^/]|\\$\\{)"};
inline constexpr Text kAbsolutePath{"an absolute path (or begin with ${)", is_absolute_path,
                                    "^(/|\\$\\{)"};
inline constexpr Text kSha256{"64 hexadecimal digits", is_sha256, "^[0-9a-fA-F]{64}$"};
inline constexpr Text kCommit{"a whole commit id of 40 (or 64) hexadecimal digits", is_commit,
                              "^([0-9a-f]{40}|[0-9a-f]{64})$"};
inline constexpr Text kPort{"a port 1..65535 (or begin with ${)", is_port,
                            "^([1-9][0-9]{0,4}$|\\$\\{)", false, limits::kPortBytesMax};
inline constexpr Text kSize{"a size like 500MB or 100GB", is_size, "^[0-9]+ ?([KMGT]i?B?|B)?$"};
inline constexpr Text kInstant{"an instant like 2026-11-23T10:00:00+08:00", is_instant,
                               "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]"};
inline constexpr Text kCron{"five cron fields like \"0 10 * * 1-5\"", is_cron,
                            "^ *[^ ]+( +[^ ]+){4} *$"};
inline constexpr Text kEncrypted{.wanted = "encrypted, like encrypted:<scheme>:<text>; never plain text",
                                 .valid = is_encrypted,
                                 .pattern = "^encrypted:[A-Za-z0-9_-]+:.+$",
                                 .secret = true,
                                 .lines = true};
inline constexpr Text kArtifactUrl{"an http(s) or file:/// URL, or a name in an artifact store",
                                   is_artifact_url, "^(https?://[^/]|file:///|\\$\\{|[^ :]+$)"};
inline constexpr Text kZoneName{"an IANA time zone like Asia/Shanghai", is_zone_name,
                                "^[A-Za-z0-9_+/-]+$"};
inline constexpr Text kLabelKey{"a label of at least one character", is_not_empty, "."};

/// A folder on a host; without `..`, which agents refuse, since Checks::second.
struct Folder {
    void operator()(Place place, std::string& out) const;
};
/// `HH:MM` as minutes after midnight, up to 23:59 or 24:00.
struct Clock {
    int max = 24 * 60;
    void operator()(Place place, std::chrono::minutes& out) const;
};
/// `YYYY-MM-DD`.
struct Date {
    void operator()(Place place, std::chrono::year_month_day& out) const;
};
/// A port number for which no `${…}` makes sense.
inline constexpr Integer kPortNumber{1, 65535};

/// Every RFC 3339 instant; `out` is checked text turned into the instant.
struct Instant {
    void operator()(Place place, Timestamp& out) const;
};

}  // namespace tidegate::config
