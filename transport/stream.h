#pragma once
/// What both ends of an HTTP/3 request share: headers, the stream handle, why something ended.
/// Protocol: HTTP/3 (RFC 9114) over QUIC version 1 (RFC 9000).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::transport {

/// One header field. Names are lower case on the wire (RFC 9114 §4.2); give them so.
struct Header {
    std::string name;
    std::string value;

    friend bool operator==(const Header&, const Header&) = default;
};
using Headers = std::vector<Header>;

/// The value of the first field with that (lower-case) name; empty when there is none.
[[nodiscard]] std::string_view find_header(const Headers& headers, std::string_view name);

/// Bytes that several streams send: one copy for a whole broadcast, freed with the last ack.
using SharedBytes = std::shared_ptr<const std::string>;

/// What ended a stream or a connection.
enum class CloseKind {
    finished,  ///< a stream: both sides said all they wanted; a connection: the peer said goodbye
    local,     ///< this process closed or cancelled it
    peer,      ///< the peer cancelled the stream or closed the connection with an error
    reset,     ///< the peer lost its state (stateless reset): it was restarted
    timeout,   ///< handshake, idle or silence deadline passed
    refused,   ///< a certificate, ALPN or address was not accepted, by either side
    overflow,  ///< the send queue was full, or the peer exceeded a limit
    protocol,  ///< the peer broke QUIC, TLS or HTTP/3
    unreachable,  ///< name not resolved, or nobody listens there
};
[[nodiscard]] const char* to_string(CloseKind kind);

/// Why something ended; `text` is for people (and for logs: it may hold words chosen by the peer,
/// with control characters replaced), `code` is the QUIC or HTTP/3 error code where there is one.
struct CloseReason {
    CloseKind kind = CloseKind::local;
    std::uint64_t code = 0;
    std::string text;

    friend bool operator==(const CloseReason&, const CloseReason&) = default;
};

/// Callbacks of one stream. Any may be empty. All run on the loop thread, never inside a call
/// that the user made, and never again after `on_close`. They may call every function of Stream,
/// Connection and Client, `close` included; they must not destroy the Server or the Client
/// (post that to the loop). After `on_close` the functions, and what they capture, are destroyed.
struct StreamHandlers {
    /// The next bytes of the peer's body, in order; valid during the call. Returning means
    /// "consumed": the peer may send as much again, unless the stream is paused.
    std::function<void(std::string_view)> on_data;
    /// The peer's body is complete. The own side may stay open.
    std::function<void()> on_end;
    /// The queue was above limits::kSendDrainBytes and is at or below it now: the moment to `send`
    /// the next piece of a long body.
    std::function<void()> on_drain;
    /// The stream is over, exactly once. `finished` only if both bodies were complete.
    std::function<void(const CloseReason&)> on_close;
};

class StreamCore;

/// A handle to one request stream. Cheap to copy; does not keep the stream alive. On a stream that
/// is over (or on a default-constructed handle) every call does nothing. Loop thread only.
/// Sending never blocks and never writes a packet by itself: bytes are queued, and packets leave
/// when the loop comes round, so ten small `send` in a row share packets.
class Stream {
public:
    Stream() = default;
    explicit Stream(std::weak_ptr<StreamCore> core) : core_{std::move(core)} {}

    /// Queues a piece of the own body. False: the stream is over or already finished, or the
    /// connection's queue (limits::kSendQueueBytesMax over all its streams, counted until
    /// acknowledged) would overflow; then this connection is closed with CloseKind::overflow and no
    /// other is touched. The limit holds for what was queued before: one piece larger than it is
    /// accepted on an empty queue.
    bool send(std::string bytes);
    /// The same without a copy, for broadcasts. Null is not allowed.
    bool send(SharedBytes bytes);
    /// The own body is complete (after what is queued).
    void finish();
    /// Gives the stream up in both directions; `on_close` follows with CloseKind::local.
    void cancel();
    /// Server only, once: the response head. Body and `finish` come after it; `send` before it
    /// queues.
    void respond(int status, Headers headers = {});
    /// Server only: a response without a body, and no interest in the rest of the request.
    void refuse(int status);
    /// Back-pressure: while paused, the peer is granted no more bytes. Up to one window
    /// (limits::kStreamWindowBytes) may still arrive and is delivered.
    void pause();
    void resume();

    [[nodiscard]] bool open() const;
    /// Own body bytes not yet acknowledged by the peer, of this stream.
    [[nodiscard]] std::size_t queued_bytes() const;

private:
    std::weak_ptr<StreamCore> core_;
};

}  // namespace tidegate::transport
