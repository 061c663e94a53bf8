#include "schema/config/yaml_trouble.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "schema/config/utf8.h"

namespace tidegate::config {
namespace {

constexpr std::string_view kLfsPointer = "version https://git-lfs.github.com/spec/";

/// Spaces that YAML does not take for one, and characters without any width.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kOddSpaces{{
    {"\xC2\xA0", "U+00A0"},
    {"\xE2\x80\x82", "U+2002"},
    {"\xE2\x80\x83", "U+2003"},
    {"\xE2\x80\x89", "U+2009"},
    {"\xE2\x80\x8B", "U+200B"},
    {"\xE2\x80\xAF", "U+202F"},
    {"\xE3\x80\x80", "U+3000"},
}};

/// The name of the odd space at the front; empty = there is none.
std::string_view odd_space(std::string_view text) {
    for (const auto& [bytes, name] : kOddSpaces)
        if (text.starts_with(bytes)) return name;
    return {};
}

bool is_conflict_marker(std::string_view line) {
    return line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ") ||
           line.starts_with("||||||| ") || line == "=======";
}

/// What indents the line and must not.
std::optional<Trouble> find_in_indent(std::string_view line, int number) {
    for (std::size_t i = 0, column = 1; i < line.size(); ++column) {
        const auto odd = odd_space(line.substr(i));
        if (line[i] == '\t' || !odd.empty())
            return Trouble{number, static_cast<int>(column),
                           fmt::format("{} indents this line: YAML takes plain spaces only",
                                       odd.empty() ? "a tab" : odd)};
        if (line[i] != ' ') return std::nullopt;
        ++i;
    }
    return std::nullopt;
}

/// Calls `visit(line, number)` for each, without its end, until that returns true.
template <class Visit>
void each_line(std::string_view text, const Visit& visit) {
    for (int number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (visit(line, number)) return;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

/// Where the quote that opens at `from` closes; npos = nowhere.
std::size_t end_of_quote(std::string_view text, std::size_t from) {
    const char quote = text[from];
    for (auto i = from + 1; i < text.size(); ++i) {
        if (quote == '"' && text[i] == '\\')
            ++i;
        else if (text[i] == quote && quote == '\'' && text.substr(i + 1).starts_with(quote))
            ++i;
        else if (text[i] == quote)
            return i;
    }
    return std::string_view::npos;
}

}  // namespace

std::optional<Trouble> find_pointer(std::string_view text) {
    if (!text.starts_with(kLfsPointer)) return std::nullopt;
    return Trouble{1, 1, "a pointer of Git LFS, not the file itself: keep the config out of LFS"};
}

std::optional<Trouble> find_trouble(std::string_view text, int line) {
    std::optional<Trouble> found, indent;
    each_line(text, [&](std::string_view each, int number) {
        if (is_conflict_marker(each))
            found = {number, 1, "a conflict marker: a merge was not finished here"};
        if (const auto lone = each.find('\r'); number == line && lone != each.npos && !indent)
            indent = {number, count_characters(each.substr(0, lone)) + 1,
                      "a carriage return alone ends no line: save the file with LF or CRLF"};
        // The line before may have become one text with this one.
        if (number == line || number + 1 == line)
            if (auto here = find_in_indent(each, number)) indent = std::move(here);
        return found.has_value();
    });
    return found ? found : indent;
}

std::string odd_spaces_in(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i)
        if (const auto odd = odd_space(text.substr(i)); !odd.empty())
            return fmt::format(" (with {} in it)", odd);
    return {};
}

std::string trouble_of_quote(std::string_view text, std::size_t place, int line, int indent) {
    if (place < text.size() && text[place] == '!')  // the one tag that may stand before it
        place = text.find_first_not_of(" \t\r\n", text.find_first_of(" \t\r\n", place));
    if (place >= text.size() || (text[place] != '"' && text[place] != '\'')) return {};
    const auto end = end_of_quote(text, place);
    if (end == text.npos) return "this quote is never closed";
    std::string found;
    each_line(text.substr(place, end - place), [&](std::string_view each, int number) {
        const auto first = each.find_first_not_of(" \t");
        if (number > 1 && first != each.npos && static_cast<int>(first) <= indent)
            found = fmt::format("this quote goes on in line {}, which is not indented: close it",
                                line + number - 1);
        return !found.empty();
    });
    return found;
}

bool is_blank_yaml(std::string_view text) {
    bool blank = true;
    each_line(text, [&](std::string_view line, int) {
        const auto first = line.find_first_not_of(" \t");
        const auto rest = first == line.npos ? std::string_view{} : line.substr(first);
        const auto mark = rest.substr(0, rest.find_last_not_of(" \t") + 1);
        blank = rest.empty() || rest.starts_with('#') || mark == "---" || mark == "...";
        return !blank;
    });
    return blank;
}

}  // namespace tidegate::config
