#pragma once
/// What all parts of the page are made of. Internal to this folder.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "reconciler/status/page.h"
#include "schema/base/time.h"
#include "schema/base/utf8.h"

namespace tidegate::status {

/// Text of ours and escaped text of others, never mixed up: `raw` for the one, `text` for the
/// other.
class Html {
public:
    Html& raw(std::string_view markup) {
        out_ += markup;
        return *this;
    }
    Html& text(std::string_view words) {
        out_ += escape_html(visible_lines(words));
        return *this;
    }
    Html& element(std::string_view tag, std::string_view style, std::string_view words) {
        return raw("<")
            .raw(tag)
            .raw(" class=\"")
            .text(style)
            .raw("\">")
            .text(words)
            .raw("</")
            .raw(tag)
            .raw(">");
    }
    Html& badge(std::string_view state) {
        const auto style = fmt::format("badge {}", state);
        std::string words{state};
        std::ranges::replace(words, '_', ' ');
        return element("span", style, words);
    }
    Html& cell(std::string_view words, std::string_view style = {}) {
        return element("td", style, words);
    }
    Html& section(std::string_view title, std::size_t count) {
        raw("<section><h2>").text(title);
        return element("span", "count", std::to_string(count)).raw("</h2>");
    }
    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    std::string out_;
};

/// `2026-11-22 10:00:00 UTC`, or a dash.
[[nodiscard]] std::string when(const std::optional<Timestamp>& at);
/// How many more there are than are shown, and where.
void write_more(Html& html, std::size_t shown, std::size_t total, std::string_view where);
void write_holds(Html& html, const std::vector<Hold>& holds);
void write_release_link(Html& html, const std::string& id);
/// The section of releases: active ones first, then the newest.
void write_releases(Html& html, const StatusSnapshot& snapshot);

}  // namespace tidegate::status
