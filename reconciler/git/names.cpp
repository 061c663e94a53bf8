#include "reconciler/git/names.h"

#include <algorithm>

#include "schema/base/utf8.h"

namespace tidegate::git {
namespace {

bool is_around(char c) {
    return static_cast<unsigned char>(c) <= ' ' ||
           std::string_view{".,:;\"'\\"}.find(c) != std::string_view::npos;
}

bool is_part_of_ref(std::string_view part) {
    return !part.empty() && !part.starts_with('.') && !part.ends_with(".lock");
}

}  // namespace

Result<std::string> written_word(std::string_view text) {
    auto word = text;
    while (!word.empty() && is_around(word.front())) word.remove_prefix(1);
    while (!word.empty() && is_around(word.back())) word.remove_suffix(1);
    const auto plain = to_utf8(word, "?");
    if (word.empty() || word.find_first_of(std::string_view{"<>\0", 3}) != std::string_view::npos ||
        find_control(plain) != std::string::npos)
        return fail(ErrorCode::invalid,
                    "expected a name or an address without '<', '>' and control characters, "
                    "got '{}'",
                    one_line(to_utf8(text)));
    return std::string{word};
}

bool is_branch_name(std::string_view name) {
    const bool odd =
        name.starts_with('-') || name.ends_with('.') || name == "@" ||
        name.find("..") != std::string_view::npos || name.find("@{") != std::string_view::npos ||
        name.find_first_of(" ~^:?*[\\") != std::string_view::npos ||
        std::ranges::any_of(name, [](unsigned char c) { return c < ' ' || c == 0x7f; });
    if (odd) return false;
    for (std::size_t from = 0; from != std::string_view::npos;) {
        const auto slash = name.find('/', from);
        if (!is_part_of_ref(name.substr(from, slash - from))) return false;
        from = slash == std::string_view::npos ? slash : slash + 1;
    }
    return true;
}

}  // namespace tidegate::git
