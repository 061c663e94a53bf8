#pragma once
/// What every verb writes to and ends with: streams, the output format, tables, exit codes.

#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/result.h"

namespace tidegate::cli {

/// Exit codes (docs/cli.md).
inline constexpr int kGood = 0;
inline constexpr int kProblem = 1;      ///< a problem was found, or the wish was refused
inline constexpr int kUsage = 2;        ///< the command line is wrong
inline constexpr int kUnreachable = 3;  ///< the daemon, the server or the remote is away

enum class Format { text, json, markdown };

enum class Style { plain, bold, red, green, yellow, dim };

/// Refers to the streams: they must outlive it. One thread.
struct Console {
    std::ostream& out;  ///< results only
    std::ostream& err;  ///< everything for people: notes, errors
    Format format = Format::text;
    bool colour = false;  ///< a terminal without NO_COLOR (https://no-color.org)

    [[nodiscard]] std::string styled(Style style, std::string_view text) const;
    void print(const nlohmann::json& json) const;
};

/// `{"error": …, "code": …}`, as every verb writes it.
[[nodiscard]] nlohmann::json error_json(const Error& error);

/// Says what went wrong and gives the exit code: kUnreachable for what is away, else kProblem.
int report(const Console& console, const Error& error);

/// Text from elsewhere as one line of what can be seen (visible_line): nobody writes to a terminal,
/// begins another row, or turns one around, through us.
[[nodiscard]] std::string clean(std::string_view text);
/// The same with its lines, for logs.
[[nodiscard]] std::string clean_lines(std::string_view text);

/// Rows of cells, aligned by what a terminal shows: colours and UTF-8 continuation bytes take no
/// room. The last column is not padded. A row is one line, whatever its cells hold.
class Table {
public:
    explicit Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
    void add(std::vector<std::string> row);
    [[nodiscard]] bool empty() const { return rows_.size() == 1; }
    void print(const Console& console, std::string_view indent = "") const;

private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace tidegate::cli
