#include "agent/session/outbox.h"

#include <utility>

#include "schema/base/limits.h"

namespace tidegate::session {

void Outbox::open(transport::Stream stream) {
    close();
    stream_ = std::move(stream);
    open_ = true;
}

void Outbox::close() {
    frames_.clear();
    bytes_ = 0;
    open_ = false;
}

bool Outbox::push(std::string frame) {
    if (!open_ || bytes_ + frame.size() > limits::kSessionQueueBytesMax) return false;
    bytes_ += frame.size();
    frames_.push_back(std::move(frame));
    pump();
    return true;
}

void Outbox::pump() {
    // Above kSendDrainBytes on_drain is sure to come, so the rest is not forgotten.
    while (!frames_.empty() && stream_.queued_bytes() <= limits::kSendDrainBytes) {
        bytes_ -= frames_.front().size();
        auto frame = std::move(frames_.front());
        frames_.pop_front();
        if (!stream_.send(std::move(frame))) return close();
    }
}

}  // namespace tidegate::session
