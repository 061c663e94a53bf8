#include "reconciler/status/head.h"

#include <algorithm>
#include <array>

#include "schema/base/limits.h"

namespace tidegate::status {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

bool same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

bool is_acted_on(std::string_view name) {
    constexpr std::array kept{std::string_view{"Connection"}, std::string_view{"If-None-Match"},
                              std::string_view{"Last-Event-ID"}};
    return std::ranges::any_of(kept, [&](auto field) { return same_name(field, name); });
}

bool announces_body(std::string_view name) {
    return same_name(name, "Content-Length") || same_name(name, "Transfer-Encoding");
}

std::string_view trimmed(std::string_view text) {
    const auto from = text.find_first_not_of(" \t");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

bool is_clean(std::string_view line) {
    return line.find_first_of(std::string_view{"\0\r\n", 3}) == std::string_view::npos;
}

/// `GET /path HTTP/1.1`: three words, one space between them; the library is more lenient.
bool is_request_line(std::string_view line) {
    return is_clean(line) && !line.starts_with(' ') && std::ranges::count(line, ' ') == 2;
}

/// The library says 400 to methods that it does not know; here all but two get the same answer.
void take_request_line(std::string_view line, Head& head) {
    const auto method = line.substr(0, line.find(' '));
    const bool shows = method == "GET" || method == "HEAD";
    head.text.append(shows ? method : "POST").append(line.substr(method.size())).append(kLineEnd);
}

Head too_long(std::string_view bytes) {
    Head head;
    const bool in_first_line = bytes.find(kLineEnd) == std::string_view::npos;
    head.state = in_first_line ? Head::State::target_too_long : Head::State::too_large;
    return head;
}

/// False for a second one: whoever stands in between may have gone by the other (RFC 9112 §3.2).
bool take_host(std::string_view value, Head& head) {
    if (head.host) return false;
    head.host = trimmed(value);
    return true;
}

/// Adds one field line to `head`; false when it is malformed.
bool take_field(std::string_view line, Head& head) {
    const auto colon = line.find(':');
    if (!is_clean(line) || colon == std::string_view::npos || colon == 0) return false;
    const auto name = line.substr(0, colon);
    if (name.find_first_of(" \t") != std::string_view::npos) return false;
    if (same_name(name, "Host") && !take_host(line.substr(colon + 1), head)) return false;
    head.has_body = head.has_body || announces_body(name);
    if (is_acted_on(name)) head.text.append(line).append(kLineEnd);
    return true;
}

}  // namespace

Head read_head(std::string_view bytes) {
    std::size_t start = 0;
    while (bytes.substr(start, 2) == kLineEnd) start += 2;
    const auto end = bytes.find("\r\n\r\n", start);
    if (end == std::string_view::npos) {
        if (bytes.size() < limits::kHttpHeadBytesMax) return {};
        return too_long(bytes.substr(start));
    }
    Head head;
    if (end + 4 > limits::kHttpHeadBytesMax) return too_long(bytes.substr(start));
    head.size = end + 4;
    auto rest = bytes.substr(start, end + 2 - start);
    for (std::size_t lines = 0; !rest.empty(); ++lines) {
        const auto line = rest.substr(0, rest.find(kLineEnd));
        rest.remove_prefix(line.size() + 2);
        if (lines > limits::kHttpHeadFieldsMax) {
            head.state = Head::State::too_large;
            return head;
        }
        const bool good = lines == 0 ? is_request_line(line) : take_field(line, head);
        if (!good) {
            head.state = Head::State::bad;
            return head;
        }
        if (lines == 0) take_request_line(line, head);
    }
    head.text.append(kLineEnd);
    head.state = Head::State::complete;
    return head;
}

}  // namespace tidegate::status
