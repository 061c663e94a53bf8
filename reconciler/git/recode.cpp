#include "reconciler/git/recode.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "schema/base/utf8.h"

namespace tidegate::git {
namespace {

/// Anybody names an encoding; these alone are handed to the C library, whose converters for rare
/// ones have had holes.
constexpr auto kEncodings = std::to_array<std::string_view>(
    {"BIG5",         "CP1250",       "CP1251",      "CP1252",     "EUC-JP",      "EUC-KR",
     "GB18030",      "GB2312",       "GBK",         "ISO-8859-1", "ISO-8859-15", "ISO-8859-2",
     "ISO-8859-5",   "ISO-8859-7",   "ISO-8859-9",  "KOI8-R",     "KOI8-U",      "SHIFT_JIS",
     "WINDOWS-1250", "WINDOWS-1251", "WINDOWS-1252"});

/// As the C library names it; empty = not among them.
std::string known_name(std::string_view encoding) {
    std::string name;
    for (const char c : encoding) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    if (name == "LATIN1" || name == "LATIN-1" || name == "ISO8859-1") name = "ISO-8859-1";
    return std::ranges::find(kEncodings, name) == kEncodings.end() ? std::string{} : name;
}

class Converter {
public:
    explicit Converter(const std::string& from) : handle_{::iconv_open("UTF-8", from.c_str())} {}
    Converter(const Converter&) = delete;
    Converter& operator=(const Converter&) = delete;
    ~Converter() {
        if (usable()) ::iconv_close(handle_);
    }
    [[nodiscard]] bool usable() const { return handle_ != reinterpret_cast<iconv_t>(-1); }

    /// All that can be converted; each byte that cannot becomes one that UTF-8 does not know.
    std::string convert(std::string text) {
        std::string converted;
        auto* from = text.data();
        auto left = text.size();
        while (left > 0) {
            std::array<char, 4096> buffer{};
            auto* to = buffer.data();
            auto room = buffer.size();
            const auto code = ::iconv(handle_, &from, &left, &to, &room);
            const int error = errno;
            converted.append(buffer.data(), buffer.size() - room);
            if (code != static_cast<std::size_t>(-1) || error == E2BIG) continue;
            converted += '\xFF';
            ++from, --left;
        }
        return converted;
    }

private:
    iconv_t handle_;
};

}  // namespace

std::string recoded(std::string_view text, const char* encoding) {
    const auto from = encoding ? known_name(encoding) : std::string{};
    if (from.empty()) return to_utf8(text);
    Converter converter{from};
    return to_utf8(converter.usable() ? converter.convert(std::string{text}) : text);
}

}  // namespace tidegate::git
