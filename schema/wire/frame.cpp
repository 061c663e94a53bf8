#include "schema/wire/frame.h"

#include <cstdint>

#include "schema/base/limits.h"

namespace tidegate::wire {
namespace {

constexpr std::size_t kHeaderBytes = 4;

std::size_t read_length(std::string_view header) {
    std::uint32_t length = 0;
    for (const char c : header) length = length << 8 | static_cast<std::uint8_t>(c);
    return length;
}

}  // namespace

std::string frame(std::string_view message) {
    TG_ASSERT(!message.empty() && message.size() <= limits::kFrameBytesMax);
    std::string out;
    out.reserve(kHeaderBytes + message.size());
    for (int shift = 24; shift >= 0; shift -= 8)
        out += static_cast<char>(message.size() >> shift & 0xff);
    return out += message;
}

void FrameReader::push(std::string_view bytes) {
    buffer_.erase(0, used_);
    used_ = 0;
    buffer_ += bytes;
}

Result<std::optional<std::string>> FrameReader::next() {
    const auto rest = std::string_view{buffer_}.substr(used_);
    if (rest.size() < kHeaderBytes) return std::nullopt;
    const auto length = read_length(rest.substr(0, kHeaderBytes));
    if (length == 0 || length > limits::kFrameBytesMax)
        return fail(ErrorCode::invalid, "a frame must be 1..{} bytes long, got {}",
                    limits::kFrameBytesMax, length);
    if (rest.size() < kHeaderBytes + length) return std::nullopt;
    used_ += kHeaderBytes + length;
    return std::string{rest.substr(kHeaderBytes, length)};
}

}  // namespace tidegate::wire
