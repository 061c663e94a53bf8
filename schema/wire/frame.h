#pragma once
/// Messages on a byte stream: an unsigned 32-bit length in network byte order, then that many bytes
/// of one message. No frame is empty or longer than limits::kFrameBytesMax.

#include <optional>
#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace tidegate::wire {

/// The message with its length before it. The message must be 1..kFrameBytesMax bytes long.
[[nodiscard]] std::string frame(std::string_view message);

/// Takes bytes as they come and gives messages back. Memory is taken for bytes that came, never for
/// a length that was only claimed: at most one frame and one `push`.
class FrameReader {
public:
    void push(std::string_view bytes);
    /// The next whole message, or nothing yet. After an error (`invalid`: a length of 0 or above
    /// the maximum) the stream cannot be read on.
    [[nodiscard]] Result<std::optional<std::string>> next();
    /// Nothing of an unfinished frame is held: where a stream may end.
    [[nodiscard]] bool empty() const { return used_ == buffer_.size(); }

private:
    std::string buffer_;
    std::size_t used_ = 0;
};

}  // namespace tidegate::wire
