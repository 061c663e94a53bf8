#include "transport/stream_core.h"

#include <utility>

#include "transport/connection.h"
#include "transport/h3.h"

namespace tidegate::transport {

bool StreamCore::send(SharedBytes piece) {
    if (over() || ending_ || finished_) return false;
    if (piece->empty()) return true;
    if (!queue_has_room(piece->size())) return false;
    queue_.push(std::move(piece));
    if (queue_.bytes() > limits::kSendDrainBytes) above_drain_ = true;
    wake();
    return true;
}

void StreamCore::finish() {
    if (over() || finished_) return;
    finished_ = true;
    wake();
}

void StreamCore::cancel() {
    if (over() || ending_) return;
    const CloseReason reason{CloseKind::local, NGHTTP3_H3_REQUEST_CANCELLED, "cancelled"};
    if (session_ != nullptr)
        session_->give_up(*this, reason);
    else
        ending_ = reason;
}

void StreamCore::respond(int status, const Headers& headers) {
    if (over() || ending_ || std::exchange(responded_, true)) return;
    TG_ASSERT(session_ != nullptr);
    session_->submit_response(*this, status, headers);
}

void StreamCore::refuse(int status) {
    if (over() || ending_) return;
    respond(status, {});
    finish();
    // RFC 9114 §4.1: a complete response may tell the peer that the rest of the request is not
    // read.
    if (!peer_finished_)
        compat::shutdown_stream_read(session_->connection_.quic(), id_, NGHTTP3_H3_NO_ERROR);
}

void StreamCore::resume() {
    if (over() || !std::exchange(paused_, false) || session_ == nullptr) return;
    session_->grant(id_, std::exchange(unconsumed_, 0));
    session_->connection_.touch();
}

void StreamCore::wake() {
    if (id_ == kNoId) return;
    nghttp3_conn_resume_stream(session_->h3_.get(), id_);
    session_->connection_.touch();
}

bool StreamCore::queue_has_room(std::size_t count) {
    if (session_ != nullptr) return session_->connection_.queue_bytes(count);
    return queue_.bytes() == 0 || queue_.bytes() + count <= limits::kSendQueueBytesMax;
}

void StreamCore::set_handlers(ResponseHandlers handlers, bool body) {
    on_response_ = std::move(handlers.on_response);
    handlers_ = std::move(handlers.stream);
    finished_ = !body;
}

void StreamCore::end(const CloseReason& reason) {
    if (std::exchange(over_, true)) return;
    if (session_ != nullptr) session_->forget(*this);
    session_ = nullptr;
    on_response_ = {};
    const auto handlers = std::exchange(handlers_, {});
    if (handlers.on_close) handlers.on_close(reason);
}

}  // namespace tidegate::transport
