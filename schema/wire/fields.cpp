#include "schema/wire/fields.h"

#include "schema/base/limits.h"
#include "schema/base/utf8.h"
#include "schema/wire/names.h"

namespace tidegate::wire {
namespace {

constexpr std::int64_t kMillisecondsMax = 253'402'300'799'999;  // the end of the year 9999

}  // namespace

std::string shown(std::string_view text) {
    auto out = to_utf8(head_of(text, 64));
    for (auto& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return out;
}

Result<std::string> object_name(const char* field, const std::string& text) {
    if (!is_object_name(text))
        return fail(ErrorCode::invalid, "{} must be a name, got '{}'", field, shown(text));
    return text;
}

Result<std::string> slot_or_empty(const char* field, const std::string& text) {
    if (text.empty()) return text;
    return object_name(field, text);
}

Result<std::string> id(const char* field, const std::string& text) {
    if (!is_id(text))
        return fail(ErrorCode::invalid, "{} must be an id, got '{}'", field, shown(text));
    return text;
}

Result<std::string> id_or_empty(const char* field, const std::string& text) {
    return text.empty() ? Result<std::string>{text} : id(field, text);
}

Result<Digest> digest(const char* field, const std::string& bytes) {
    if (bytes.empty()) return Digest{};
    if (bytes.size() != 32)
        return fail(ErrorCode::invalid, "{} must be 32 bytes long, got {}", field, bytes.size());
    return Digest::from_hex(
        to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
}

Result<int> number(const char* field, std::uint32_t value, std::uint32_t maximum) {
    if (value > maximum)
        return fail(ErrorCode::invalid, "{} must be 0..{}, got {}", field, maximum, value);
    return static_cast<int>(value);
}

Result<Seconds> seconds(const char* field, std::uint64_t value) {
    const auto maximum = static_cast<std::uint64_t>(limits::kDurationMax.count());
    if (value > maximum)
        return fail(ErrorCode::invalid, "{} must be 0..{} s, got {}", field, maximum, value);
    return Seconds{value};
}

Result<Timestamp> timestamp(const char* field, std::int64_t value) {
    if (value < 0 || value > kMillisecondsMax)
        return fail(ErrorCode::invalid, "{} must be 0..{} ms, got {}", field, kMillisecondsMax,
                    value);
    return Timestamp{Milliseconds{value}};
}

Result<void> at_most(const char* field, int count, std::size_t maximum) {
    if (static_cast<std::size_t>(count) > maximum)
        return fail(ErrorCode::invalid, "{} must be at most {}, got {}", field, maximum, count);
    return {};
}

std::string error_text(const std::string& text) {
    return std::string{head_of(text, limits::kAgentErrorBytesMax)};
}
std::string word(const std::string& text) {
    return std::string{head_of(text, limits::kAgentWordBytesMax)};
}

}  // namespace tidegate::wire
