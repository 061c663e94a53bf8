#include "schema/wire/names.h"

#include <algorithm>

#include "schema/base/limits.h"

namespace tidegate::wire {
namespace {

constexpr std::size_t kIdBytesMax = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_mark(char c) { return c == '.' || c == '_' || c == '-'; }

}  // namespace

bool is_object_name(std::string_view text) {
    if (text.empty() || text.size() > limits::kNameBytesMax || is_mark(text[0])) return false;
    return std::ranges::all_of(text,
                               [](char c) { return is_digit(c) || is_lower(c) || is_mark(c); });
}

bool is_id(std::string_view text) {
    if (text.empty() || text.size() > kIdBytesMax || is_mark(text[0])) return false;
    return std::ranges::all_of(
        text, [](char c) { return is_digit(c) || is_lower(c) || is_upper(c) || is_mark(c); });
}

}  // namespace tidegate::wire
