#include "transport/h3_callbacks.h"

#include <algorithm>
#include <array>

#include "transport/connection.h"

namespace tidegate::transport {
namespace {

H3Session& session_of(void* pointer) { return *static_cast<H3Session*>(pointer); }

std::string_view text_of(nghttp3_rcbuf* buffer) {
    const auto bytes = nghttp3_rcbuf_get_buf(buffer);
    return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

}  // namespace

const nghttp3_callbacks& H3Callbacks::table() {
    static const nghttp3_callbacks callbacks = [] {
        nghttp3_callbacks table{};
        table.acked_stream_data = acknowledged;
        table.recv_data = body;
        table.deferred_consume = consumed;
        table.begin_headers = begin_head;
        table.recv_header = field;
        table.end_headers = end_head;
        table.recv_trailer = trailer;
        table.end_stream = end_body;
        table.stop_sending = stop_sending;
        table.reset_stream = reset;
        return table;
    }();
    return callbacks;
}

nghttp3_ssize H3Callbacks::read_body(nghttp3_conn*, std::int64_t id, nghttp3_vec* parts,
                                     std::size_t room, std::uint32_t* flags, void* session, void*) {
    const auto stream = session_of(session).find(id);
    if (!stream || stream->over()) return NGHTTP3_ERR_WOULDBLOCK;
    std::array<const std::string*, 8> pieces;
    const auto count = stream->queue_.offer(std::span{pieces}.first(std::min(room, pieces.size())));
    for (std::size_t i = 0; i < count; ++i) {
        auto* base = reinterpret_cast<const std::uint8_t*>(pieces[i]->data());
        parts[i] = {const_cast<std::uint8_t*>(base), pieces[i]->size()};
    }
    const bool last = stream->finished_ && stream->queue_.all_offered();
    if (last) *flags |= NGHTTP3_DATA_FLAG_EOF;
    if (count == 0 && !last) return NGHTTP3_ERR_WOULDBLOCK;
    return static_cast<nghttp3_ssize>(count);
}

int H3Callbacks::body(nghttp3_conn*, std::int64_t id, const std::uint8_t* data, std::size_t size,
                      void* session, void*) {
    auto& self = session_of(session);
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    if (const auto stream = self.find(id))
        self.deliver(*stream, bytes);
    else
        self.grant(id, size);
    return 0;
}

int H3Callbacks::consumed(nghttp3_conn*, std::int64_t id, std::size_t bytes, void* session, void*) {
    session_of(session).grant(id, bytes);
    return 0;
}

int H3Callbacks::acknowledged(nghttp3_conn*, std::int64_t id, std::uint64_t bytes, void* session,
                              void*) {
    auto& self = session_of(session);
    if (const auto stream = self.find(id)) self.acknowledged(*stream, bytes);
    return 0;
}

int H3Callbacks::begin_head(nghttp3_conn*, std::int64_t id, void* session, void*) {
    auto& self = session_of(session);
    if (self.server_ && !self.find(id)) self.begin_request(id);
    return 0;
}

int H3Callbacks::field(nghttp3_conn*, std::int64_t id, std::int32_t, nghttp3_rcbuf* name,
                       nghttp3_rcbuf* value, std::uint8_t, void* session, void*) {
    auto& self = session_of(session);
    if (const auto stream = self.find(id)) self.add_field(*stream, text_of(name), text_of(value));
    return 0;
}

int H3Callbacks::trailer(nghttp3_conn*, std::int64_t id, std::int32_t, nghttp3_rcbuf* name,
                         nghttp3_rcbuf* value, std::uint8_t, void* session, void*) {
    auto& self = session_of(session);
    if (const auto stream = self.find(id))
        (void)self.count_field(*stream, text_of(name), text_of(value));
    return 0;
}

int H3Callbacks::end_head(nghttp3_conn*, std::int64_t id, int, void* session, void*) {
    auto& self = session_of(session);
    if (const auto stream = self.find(id)) self.head_complete(stream);
    return 0;
}

int H3Callbacks::end_body(nghttp3_conn*, std::int64_t id, void* session, void*) {
    const auto stream = session_of(session).find(id);
    if (!stream) return 0;
    stream->peer_finished_ = true;
    if (!stream->ending_ && stream->handlers_.on_end) stream->handlers_.on_end();
    return 0;
}

int H3Callbacks::stop_sending(nghttp3_conn*, std::int64_t id, std::uint64_t code, void* session,
                              void*) {
    compat::shutdown_stream_read(session_of(session).connection_.quic(), id, code);
    return 0;
}

int H3Callbacks::reset(nghttp3_conn*, std::int64_t id, std::uint64_t code, void* session, void*) {
    compat::shutdown_stream_write(session_of(session).connection_.quic(), id, code);
    return 0;
}

}  // namespace tidegate::transport
