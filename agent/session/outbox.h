#pragma once
/// What waits to go up on the session stream. The transport's queue is small and cuts the
/// connection when it is full; an inventory may be many times longer, so it is fed in portions.

#include <deque>
#include <string>

#include "transport/stream.h"

namespace tidegate::session {

class Outbox {
public:
    /// A new stream; what waited for the old one is forgotten.
    void open(transport::Stream stream);
    void close();
    [[nodiscard]] bool is_open() const { return open_; }

    /// Queues one frame. False: limits::kSessionQueueBytesMax is reached, or it is not open.
    [[nodiscard]] bool push(std::string frame);
    /// Hands over what the transport takes without trouble; again at each on_drain.
    void pump();

private:
    transport::Stream stream_;
    bool open_ = false;
    std::deque<std::string> frames_;
    std::size_t bytes_ = 0;
};

}  // namespace tidegate::session
