#pragma once
/// HTTP/3 on one QUIC connection, by nghttp3. Internal to transport.

#include <nghttp3/nghttp3.h>

#include <array>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "transport/ngtcp2_compat.h"
#include "transport/stream_core.h"

namespace tidegate::transport {

class ConnectionCore;

/// Owns the streams of a connection. Its `on_…` functions are called from ngtcp2's callbacks and
/// return what those must return. Never writes packets.
class H3Session {
public:
    H3Session(ConnectionCore& connection, bool server);
    ~H3Session();
    H3Session(const H3Session&) = delete;
    H3Session& operator=(const H3Session&) = delete;

    /// Opens the control and QPACK streams; once the keys allow it.
    [[nodiscard]] bool start();

    int on_data(std::int64_t id, compat::Bytes data, bool fin);
    int on_closed(std::int64_t id, std::uint64_t code);
    int on_acknowledged(std::int64_t id, std::uint64_t bytes);
    int on_reset_by_peer(std::int64_t id, std::uint64_t code);
    int on_stop_sending(std::int64_t id);
    int on_window(std::int64_t id);

    /// The next thing to put into a packet; `id` -1: nothing from HTTP/3.
    struct Chunk {
        std::int64_t id = -1;
        int fin = 0;
        std::array<nghttp3_vec, 16> parts;
        std::size_t count = 0;
    };
    [[nodiscard]] bool next_chunk(Chunk& chunk);
    void wrote(std::int64_t id, std::size_t bytes);
    void window_full(std::int64_t id);
    void cannot_write(std::int64_t id);

    /// Client: sends the request when the handshake and the peer's stream limit allow.
    using Waiting = std::pair<std::shared_ptr<StreamCore>, ClientRequest>;
    void adopt(Waiting waiting);
    void open_waiting();
    /// The requests not yet sent, for another connection to adopt.
    [[nodiscard]] std::vector<Waiting> release_waiting();

    /// Tells the users of streams that were given up.
    void end_given_up();
    /// Ends all streams for their users.
    void end_all(const CloseReason& reason);
    [[nodiscard]] bool quiet() const { return streams_.empty() && waiting_.empty(); }

private:
    friend class StreamCore;
    friend struct H3Callbacks;
    using StreamPtr = std::shared_ptr<StreamCore>;

    [[nodiscard]] StreamPtr find(std::int64_t id) const;
    StreamPtr begin_request(std::int64_t id);
    bool count_field(StreamCore& stream, std::string_view name, std::string_view value);
    void add_field(StreamCore& stream, std::string_view name, std::string_view value);
    void head_complete(const StreamPtr& stream);
    void deliver(StreamCore& stream, std::string_view bytes);
    void acknowledged(StreamCore& stream, std::size_t bytes);
    void grant(std::int64_t id, std::size_t bytes);
    void submit_request(StreamCore& stream, const ClientRequest& request);
    void submit_response(StreamCore& stream, int status, const Headers& headers);
    void give_up(StreamCore& stream, CloseReason reason);
    void forget(StreamCore& stream);
    int check(long status);

    ConnectionCore& connection_;
    bool server_;
    std::unique_ptr<nghttp3_conn, decltype(&nghttp3_conn_del)> h3_{nullptr, nghttp3_conn_del};
    std::vector<StreamPtr> streams_;
    std::vector<Waiting> waiting_;
    bool any_given_up_ = false;
};

}  // namespace tidegate::transport
