#pragma once
/// People as commits name them: "name <email>".

#include <algorithm>
#include <string>
#include <string_view>

namespace tidegate {

struct Author {
    std::string name;
    std::string email;  ///< empty: they gave none
};

[[nodiscard]] inline Author author_in(std::string_view text) {
    const auto at = text.rfind(" <");
    if (at == std::string_view::npos || !text.ends_with('>')) return {std::string(text), {}};
    return {std::string(text.substr(0, at)),
            std::string(text.substr(at + 2, text.size() - at - 3))};
}

/// Whether they are one person: by e-mail where both have one, whatever its case, else by name.
[[nodiscard]] inline bool is_same(const Author& a, const Author& b) {
    if (a.email.empty() || b.email.empty()) return a.name == b.name;
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; };
    return std::ranges::equal(a.email, b.email, {}, lower, lower);
}

}  // namespace tidegate
