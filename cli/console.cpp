#include "cli/console.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "schema/base/utf8.h"

namespace tidegate::cli {
namespace {

std::string_view code_of(Style style) {
    switch (style) {
        case Style::bold:
            return "1";
        case Style::red:
            return "31";
        case Style::green:
            return "32";
        case Style::yellow:
            return "33";
        case Style::dim:
            return "2";
        case Style::plain:
            break;
    }
    return "0";
}

std::size_t width_of(std::string_view text) {
    std::size_t width = 0;
    bool escape = false;
    for (const char byte : text) {
        if (byte == '\x1b') escape = true;
        if (!escape && !is_utf8_continuation(byte)) ++width;
        if (escape && byte == 'm') escape = false;
    }
    return width;
}

std::string in_one_line(std::string text) {
    std::ranges::replace_if(
        text, [](char byte) { return byte == '\n' || byte == '\t'; }, ' ');
    return text;
}

}  // namespace

std::string Console::styled(Style style, std::string_view text) const {
    if (!colour || style == Style::plain || text.empty()) return std::string{text};
    return fmt::format("\x1b[{}m{}\x1b[0m", code_of(style), text);
}

void Console::print(const nlohmann::json& json) const {
    out << escape_unseen(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace))
        << '\n';
}

nlohmann::json error_json(const Error& error) {
    return {{"error", error.text()}, {"code", to_string(error.code)}};
}

int report(const Console& console, const Error& error) {
    if (console.format == Format::json) console.print(error_json(error));
    console.err << "tidegate: " << console.styled(Style::red, "error:") << ' '
                << clean(error.text()) << '\n';
    const bool away = error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
    return away ? kUnreachable : kProblem;
}

std::string clean_lines(std::string_view text) { return visible_lines(text); }

std::string clean(std::string_view text) { return visible_line(text); }

void Table::add(std::vector<std::string> row) {
    for (auto& cell : row) cell = in_one_line(std::move(cell));
    rows_.push_back(std::move(row));
}

void Table::print(const Console& console, std::string_view indent) const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    }
    for (const auto& row : rows_) {
        std::string line{indent};
        for (std::size_t i = 0; i < row.size(); ++i) {
            const bool head = &row == &rows_.front();
            line += head ? console.styled(Style::bold, row[i]) : row[i];
            if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        console.out << line << '\n';
    }
}

}  // namespace tidegate::cli
