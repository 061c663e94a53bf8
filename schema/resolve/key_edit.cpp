#include "schema/resolve/key_edit.h"

#include <algorithm>
#include <charconv>

namespace tidegate {
namespace {

/// Where a key and its value stand in the text; `begin == npos`: nowhere.
struct Extent {
    std::size_t begin = std::string_view::npos;
    std::size_t end = 0;  ///< behind the last line's end
    [[nodiscard]] bool found() const { return begin != std::string_view::npos; }
};

std::size_t next_line(std::string_view text, std::size_t from) {
    const auto end = text.find('\n', from);
    return end == std::string_view::npos ? text.size() : end + 1;
}

bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// `key:`, `"key":` or `'key':` at the very start of the line.
bool begins_key(std::string_view line, std::string_view key) {
    if (!line.empty() && (line.front() == '"' || line.front() == '\'')) {
        const char quote = line.front();
        line.remove_prefix(1);
        if (!line.starts_with(key) || line.substr(key.size(), 1) != std::string_view{&quote, 1})
            return false;
        line.remove_prefix(key.size() + 1);
    } else if (line.starts_with(key)) {
        line.remove_prefix(key.size());
    } else {
        return false;
    }
    const auto rest = line.find_first_not_of(" \t");
    if (rest == std::string_view::npos || line[rest] != ':') return false;
    const auto behind = line.substr(rest + 1, 1);
    return behind.empty() || behind.find_first_of(" \t\r\n") == 0;
}

/// Lines of a top-level value: indented ones, list items and closing brackets.
bool continues_value(std::string_view line) {
    if (line.starts_with("- ") || line == "-\n" || line == "-\r\n" || line == "-") return true;
    return !line.empty() && std::string_view{" \t]}"}.find(line.front()) != std::string_view::npos;
}

Extent find_key(std::string_view text, std::string_view key) {
    Extent extent;
    for (std::size_t at = 0; at < text.size(); at = next_line(text, at)) {
        const auto end = next_line(text, at);
        const auto line = text.substr(at, end - at);
        if (!extent.found()) {
            if (begins_key(line, key)) extent = {at, end};
            continue;
        }
        if (is_blank(line)) continue;
        if (!continues_value(line)) break;
        extent.end = end;
    }
    return extent;
}

std::string_view line_end_of(std::string_view text) {
    const auto end = text.find('\n');
    return end != std::string_view::npos && end > 0 && text[end - 1] == '\r' ? "\r\n" : "\n";
}

/// What stands behind a value on its only line: a comment with the blanks before it.
std::string_view comment_behind(std::string_view line) {
    char quote = 0;
    for (auto i = line.find(':') + 1; i < line.size(); ++i) {
        const char byte = line[i];
        if (quote != 0) {
            if (byte == '\\' && quote == '"')
                ++i;
            else if (byte == quote)
                quote = 0;
        } else if (byte == '"' || byte == '\'') {
            quote = byte;
        } else if (byte == '#' && (line[i - 1] == ' ' || line[i - 1] == '\t')) {
            const auto blank = line.find_last_not_of(" \t", i - 1) + 1;
            return line.substr(blank, line.find_last_not_of("\r\n") + 1 - blank);
        }
    }
    return {};
}

std::string with_line_ends(std::string_view value, std::string_view line_end) {
    std::string result;
    for (const char byte : value)
        result += byte == '\n' ? std::string{line_end} : std::string{byte};
    return result;
}

/// Behind `version`, where people look for it.
std::size_t place_of_new_key(std::string_view text) {
    const auto version = find_key(text, "version");
    return (version.found() ? version : find_key(text, "kind")).end;
}

}  // namespace

bool is_one_key_per_line(std::string_view text) {
    return find_key(text, "version").found() || find_key(text, "kind").found();
}

Result<std::string> with_key(std::string_view text, std::string_view key, std::string_view value) {
    const auto line_end = line_end_of(text);
    const bool several = value.starts_with('\n');
    std::string line{key};
    line += several ? ":" : ": ";
    line += with_line_ends(value, line_end);
    const auto extent = find_key(text, key);
    if (extent.found()) {
        const auto old = text.substr(extent.begin, extent.end - extent.begin);
        const bool one_line = next_line(old, 0) == old.size();
        if (one_line && !several) line += comment_behind(old);
        if (old.ends_with('\n')) line += line_end;
        return std::string{text.substr(0, extent.begin)} + line +
               std::string{text.substr(extent.end)};
    }
    const auto version = find_key(text, "version");
    const auto anchor = version.found() ? version : find_key(text, "kind");
    if (!anchor.found())
        return fail(ErrorCode::invalid,
                    "cannot add '{}': the file is not written as one 'key: value' per line", key);
    std::string result{text.substr(0, anchor.end)};
    if (!result.ends_with('\n')) return result.append(line_end).append(line);
    return result.append(line).append(line_end).append(text.substr(anchor.end));
}

std::string without_key(std::string_view text, std::string_view key) {
    const auto extent = find_key(text, key);
    if (!extent.found()) return std::string{text};
    std::string result{text.substr(0, extent.begin)};
    result += text.substr(extent.end);
    const bool cut_last_end = extent.end == text.size() && !text.ends_with('\n');
    if (cut_last_end) result.erase(result.find_last_not_of("\r\n") + 1);
    return result;
}

Result<std::string> with_key_of(std::string_view text, std::string_view key,
                                std::string_view from) {
    if (!is_one_key_per_line(text) || !is_one_key_per_line(from))
        return fail(ErrorCode::invalid,
                    "cannot keep '{}': the file is not written as one 'key: value' per line", key);
    const auto theirs = find_key(from, key);
    if (!theirs.found()) return without_key(text, key);
    std::string lines{from.substr(theirs.begin, theirs.end - theirs.begin)};
    if (!lines.ends_with('\n')) lines += line_end_of(text);
    const auto ours = find_key(text, key);
    const auto place = ours.found() ? ours.begin : place_of_new_key(text);
    std::string result{text.substr(0, place)};
    if (!result.empty() && !result.ends_with('\n')) result += line_end_of(text);
    return result + lines + std::string{text.substr(ours.found() ? ours.end : place)};
}

int number_at(std::string_view text, std::string_view key) {
    const auto extent = find_key(text, key);
    if (!extent.found()) return 0;
    const auto line = text.substr(extent.begin, extent.end - extent.begin);
    const auto digits = line.find_first_not_of(" \t", line.find(':') + 1);
    int number = 0;
    if (digits != std::string_view::npos)
        std::from_chars(line.data() + digits, line.data() + line.size(), number);
    return number;
}

}  // namespace tidegate
