#pragma once
/// The body bytes of one stream on their way out. Internal to transport.

#include <cstddef>
#include <span>
#include <vector>

#include "transport/stream.h"

namespace tidegate::transport {

/// Pieces stay until the peer has acknowledged them, because ngtcp2 sends lost ones again from
/// where they lie. Three regions: acknowledged (gone), offered to HTTP/3, waiting.
class SendQueue {
public:
    /// Pieces must not be empty.
    void push(SharedBytes piece) {
        bytes_ += piece->size();
        pieces_.push_back(std::move(piece));
    }

    /// Unacknowledged bytes.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] bool all_offered() const { return offered_ == pieces_.size(); }

    /// The next waiting pieces, as many as fit; from now on they count as offered.
    [[nodiscard]] std::size_t offer(std::span<const std::string*> room) {
        std::size_t count = 0;
        while (count < room.size() && offered_ < pieces_.size())
            room[count++] = pieces_[offered_++].get();
        return count;
    }

    /// The peer has the next `count` bytes.
    void acknowledge(std::size_t count) {
        bytes_ -= count;
        acknowledged_in_first_ += count;
        while (first_ < offered_ && acknowledged_in_first_ >= pieces_[first_]->size()) {
            acknowledged_in_first_ -= pieces_[first_]->size();
            pieces_[first_++].reset();
        }
        if (first_ * 2 > pieces_.size()) compact();
    }

private:
    void compact() {
        pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
        if (pieces_.empty()) pieces_.shrink_to_fit();
        offered_ -= first_;
        first_ = 0;
    }

    std::vector<SharedBytes> pieces_;
    std::size_t first_ = 0;
    std::size_t offered_ = 0;
    std::size_t acknowledged_in_first_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace tidegate::transport
