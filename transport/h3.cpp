#include "transport/h3.h"

#include <algorithm>
#include <charconv>

#include "schema/base/limits.h"
#include "transport/connection.h"
#include "transport/h3_callbacks.h"

namespace tidegate::transport {
namespace {

nghttp3_settings settings() {
    nghttp3_settings settings;
    nghttp3_settings_default(&settings);
    settings.max_field_section_size = limits::kHeaderBytesMax;
    settings.qpack_max_dtable_capacity = 0;
    settings.qpack_encoder_max_dtable_capacity = 0;
    settings.qpack_blocked_streams = 0;
    return settings;
}

nghttp3_nv field(std::string_view name, std::string_view value) {
    const auto raw = [](std::string_view text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    return {raw(name), raw(value), name.size(), value.size(), NGHTTP3_NV_FLAG_NONE};
}

void append(std::vector<nghttp3_nv>& fields, const Headers& headers) {
    for (const auto& header : headers) fields.push_back(field(header.name, header.value));
}

constexpr nghttp3_data_reader kBody{H3Callbacks::read_body};

}  // namespace

H3Session::H3Session(ConnectionCore& connection, bool server)
    : connection_{connection}, server_{server} {}

H3Session::~H3Session() = default;

bool H3Session::start() {
    if (h3_) return true;
    nghttp3_conn* raw = nullptr;
    const auto limits = settings();
    const int made = server_ ? nghttp3_conn_server_new(&raw, &H3Callbacks::table(), &limits,
                                                       nghttp3_mem_default(), this)
                             : nghttp3_conn_client_new(&raw, &H3Callbacks::table(), &limits,
                                                       nghttp3_mem_default(), this);
    if (made != 0) return false;
    h3_.reset(raw);
    if (server_) nghttp3_conn_set_max_client_streams_bidi(raw, limits::kRequestStreamsMax);
    std::array<std::int64_t, 3> ids{};
    for (auto& id : ids)
        if (ngtcp2_conn_open_uni_stream(connection_.quic(), &id, nullptr) != 0) return false;
    return nghttp3_conn_bind_control_stream(raw, ids[0]) == 0 &&
           nghttp3_conn_bind_qpack_streams(raw, ids[1], ids[2]) == 0;
}

int H3Session::check(long status) {
    if (status >= 0) return 0;
    connection_.set_h3_error(static_cast<int>(status));
    return NGTCP2_ERR_CALLBACK_FAILURE;
}

// From QUIC.

int H3Session::on_data(std::int64_t id, compat::Bytes data, bool fin) {
    if (!h3_) return NGTCP2_ERR_CALLBACK_FAILURE;
    const auto consumed =
        nghttp3_conn_read_stream(h3_.get(), id, data.data(), data.size(), fin ? 1 : 0);
    if (consumed < 0) return check(consumed);
    grant(id, static_cast<std::size_t>(consumed));
    return 0;
}

int H3Session::on_closed(std::int64_t id, std::uint64_t code) {
    if (h3_) {
        const int status = nghttp3_conn_close_stream(h3_.get(), id, code);
        if (status != 0 && status != NGHTTP3_ERR_STREAM_NOT_FOUND) return check(status);
    }
    if (const auto stream = find(id)) {
        std::erase(streams_, stream);
        const bool clean = stream->peer_finished_ && code == NGHTTP3_H3_NO_ERROR;
        stream->end(clean ? CloseReason{CloseKind::finished, 0, "finished"}
                          : CloseReason{CloseKind::peer, code, "stream given up by the peer"});
    }
    if (ngtcp2_conn_is_local_stream(connection_.quic(), id) == 0) {
        const bool unidirectional = (id & 2) != 0;
        if (unidirectional)
            ngtcp2_conn_extend_max_streams_uni(connection_.quic(), 1);
        else
            ngtcp2_conn_extend_max_streams_bidi(connection_.quic(), 1);
    }
    return 0;
}

int H3Session::on_acknowledged(std::int64_t id, std::uint64_t bytes) {
    return h3_ ? check(nghttp3_conn_add_ack_offset(h3_.get(), id, bytes)) : 0;
}

int H3Session::on_reset_by_peer(std::int64_t id, std::uint64_t code) {
    const auto stream = find(id);
    if (stream && !stream->ending_ && code != NGHTTP3_H3_NO_ERROR)
        compat::shutdown_stream_write(connection_.quic(), id, NGHTTP3_H3_REQUEST_CANCELLED);
    return h3_ ? check(nghttp3_conn_shutdown_stream_read(h3_.get(), id)) : 0;
}

int H3Session::on_stop_sending(std::int64_t id) {
    if (const auto stream = find(id)) stream->finished_ = true;
    return h3_ ? check(nghttp3_conn_shutdown_stream_read(h3_.get(), id)) : 0;
}

int H3Session::on_window(std::int64_t id) {
    return h3_ ? check(nghttp3_conn_unblock_stream(h3_.get(), id)) : 0;
}

// To packets.

bool H3Session::next_chunk(Chunk& chunk) {
    chunk = {};
    if (!h3_ || ngtcp2_conn_get_max_data_left(connection_.quic()) == 0) return true;
    const auto count = nghttp3_conn_writev_stream(h3_.get(), &chunk.id, &chunk.fin,
                                                  chunk.parts.data(), chunk.parts.size());
    if (count < 0) {
        (void)check(count);
        return false;
    }
    chunk.count = static_cast<std::size_t>(count);
    return true;
}

void H3Session::wrote(std::int64_t id, std::size_t bytes) {
    (void)check(nghttp3_conn_add_write_offset(h3_.get(), id, bytes));
}

void H3Session::window_full(std::int64_t id) { nghttp3_conn_block_stream(h3_.get(), id); }

void H3Session::cannot_write(std::int64_t id) { nghttp3_conn_shutdown_stream_write(h3_.get(), id); }

// Streams.

H3Session::StreamPtr H3Session::find(std::int64_t id) const {
    const auto found = std::ranges::find(streams_, id, [](const auto& s) { return s->id_; });
    return found == streams_.end() ? nullptr : *found;
}

H3Session::StreamPtr H3Session::begin_request(std::int64_t id) {
    auto stream = std::make_shared<StreamCore>();
    stream->session_ = this;
    stream->id_ = id;
    streams_.push_back(stream);
    return stream;
}

bool H3Session::count_field(StreamCore& stream, std::string_view name, std::string_view value) {
    if (stream.over() || stream.ending_) return false;
    constexpr std::size_t kFieldOverhead = 32;
    auto& head = stream.head_;
    head.fields += 1;
    head.bytes += name.size() + value.size() + kFieldOverhead;
    if (head.fields <= limits::kHeaderFieldsMax && head.bytes <= limits::kHeaderBytesMax)
        return true;
    give_up(stream, {CloseKind::overflow, NGHTTP3_H3_EXCESSIVE_LOAD, "too many header fields"});
    return false;
}

void H3Session::add_field(StreamCore& stream, std::string_view name, std::string_view value) {
    if (!count_field(stream, name, value)) return;
    auto& request = stream.head_.request;
    if (name == ":method")
        request.method = value;
    else if (name == ":path")
        request.path = value;
    else if (name == ":status")
        std::from_chars(value.data(), value.data() + value.size(), stream.head_.status);
    else if (!name.starts_with(':'))
        request.headers.push_back({std::string{name}, std::string{value}});
}

void H3Session::head_complete(const StreamPtr& stream) {
    if (stream->over() || stream->ending_) return;
    auto request = std::exchange(stream->head_.request, {});
    const int status = std::exchange(stream->head_.status, 0);
    if (server_) {
        auto handlers = connection_.host().on_request(connection_, request, Stream{stream});
        stream->handlers_ = std::move(handlers);
        return;
    }
    const bool interim = status < 200;  // RFC 9110 §15.2
    if (interim || !stream->on_response_) return;
    const auto on_response = std::exchange(stream->on_response_, {});
    on_response({status, std::move(request.headers)});
}

void H3Session::deliver(StreamCore& stream, std::string_view bytes) {
    const bool wanted = !stream.over() && !stream.ending_;
    if (wanted && stream.handlers_.on_data) stream.handlers_.on_data(bytes);
    if (wanted && stream.paused_)
        stream.unconsumed_ += bytes.size();
    else
        grant(stream.id_, bytes.size());
}

void H3Session::acknowledged(StreamCore& stream, std::size_t bytes) {
    stream.queue_.acknowledge(bytes);
    if (stream.over()) return;
    connection_.unqueue_bytes(bytes);
    if (!stream.above_drain_ || stream.queue_.bytes() > limits::kSendDrainBytes) return;
    stream.above_drain_ = false;
    if (!stream.ending_ && stream.handlers_.on_drain) stream.handlers_.on_drain();
}

void H3Session::grant(std::int64_t id, std::size_t bytes) {
    if (bytes == 0) return;
    ngtcp2_conn_extend_max_stream_offset(connection_.quic(), id, bytes);
    ngtcp2_conn_extend_max_offset(connection_.quic(), bytes);
}

void H3Session::adopt(Waiting waiting) {
    auto& stream = *waiting.first;
    stream.session_ = this;
    if (stream.queue_.bytes() > 0) (void)connection_.queue_bytes(stream.queue_.bytes());
    if (stream.ending_) any_given_up_ = true;
    waiting_.push_back(std::move(waiting));
    connection_.touch();
}

std::vector<H3Session::Waiting> H3Session::release_waiting() {
    for (const auto& [stream, request] : waiting_) {
        connection_.unqueue_bytes(stream->queue_.bytes());
        stream->session_ = nullptr;
    }
    return std::exchange(waiting_, {});
}

void H3Session::open_waiting() {
    if (!h3_ || !connection_.handshake_done()) return;
    while (!waiting_.empty()) {
        std::int64_t id = 0;
        if (ngtcp2_conn_open_bidi_stream(connection_.quic(), &id, nullptr) != 0) return;
        const auto [stream, request] = std::move(waiting_.front());
        waiting_.erase(waiting_.begin());
        stream->id_ = id;
        streams_.push_back(stream);
        submit_request(*stream, request);
    }
}

void H3Session::submit_request(StreamCore& stream, const ClientRequest& request) {
    std::vector<nghttp3_nv> fields{field(":method", request.method), field(":scheme", "https"),
                                   field(":authority", "daemon"), field(":path", request.path)};
    append(fields, request.headers);
    const int status =
        nghttp3_conn_submit_request(h3_.get(), stream.id_, fields.data(), fields.size(),
                                    request.body ? &kBody : nullptr, nullptr);
    if (status != 0)
        give_up(stream, {CloseKind::protocol, NGHTTP3_H3_INTERNAL_ERROR, nghttp3_strerror(status)});
}

void H3Session::submit_response(StreamCore& stream, int status, const Headers& headers) {
    const auto code = std::to_string(status);
    std::vector<nghttp3_nv> fields{field(":status", code)};
    append(fields, headers);
    const int submitted =
        nghttp3_conn_submit_response(h3_.get(), stream.id_, fields.data(), fields.size(), &kBody);
    if (submitted != 0)
        give_up(stream,
                {CloseKind::protocol, NGHTTP3_H3_INTERNAL_ERROR, nghttp3_strerror(submitted)});
    connection_.touch();
}

// Ends.

void H3Session::give_up(StreamCore& stream, CloseReason reason) {
    if (stream.id_ != StreamCore::kNoId)
        compat::shutdown_stream(connection_.quic(), stream.id_, reason.code);
    stream.ending_ = std::move(reason);
    any_given_up_ = true;
    connection_.touch();
}

void H3Session::end_given_up() {
    if (!std::exchange(any_given_up_, false)) return;
    auto streams = streams_;
    for (const auto& [stream, request] : waiting_) streams.push_back(stream);
    std::erase_if(waiting_, [](const auto& entry) { return entry.first->ending_.has_value(); });
    for (const auto& stream : streams)
        if (stream->ending_) stream->end(*stream->ending_);
}

void H3Session::end_all(const CloseReason& reason) {
    auto streams = streams_;
    for (const auto& [stream, request] : waiting_) streams.push_back(stream);
    waiting_.clear();
    for (const auto& stream : streams) stream->end(stream->ending_.value_or(reason));
}

void H3Session::forget(StreamCore& stream) {
    connection_.unqueue_bytes(stream.queue_.bytes());
    if (const auto owed = std::exchange(stream.unconsumed_, 0); owed > 0)
        ngtcp2_conn_extend_max_offset(connection_.quic(), owed);
}

}  // namespace tidegate::transport
