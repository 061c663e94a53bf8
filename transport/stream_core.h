#pragma once
/// What stands behind a Stream handle. Internal to transport.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "transport/client.h"
#include "transport/send_queue.h"
#include "transport/server.h"
#include "transport/stream.h"

namespace tidegate::transport {

class H3Session;

/// A request or response head while its fields come in.
struct IncomingHead {
    Request request;
    int status = 0;
    std::size_t fields = 0;
    std::size_t bytes = 0;  ///< decoded, with 32 per field (RFC 9114 §4.2.2)
};

/// One request stream. H3Session owns it and drives it; lives until QUIC has forgotten the stream,
/// because QUIC may send from its queue again. A client's is made before there is a connection.
///
///     waiting (client, no id) -> open -> ending (user gave up, or a limit) -> over
class StreamCore : public std::enable_shared_from_this<StreamCore> {
public:
    bool send(SharedBytes piece);
    void finish();
    void cancel();
    void respond(int status, const Headers& headers);
    void refuse(int status);
    void pause() { paused_ = true; }
    void resume();

    /// Ends it for its user: `on_close` is the last that is heard.
    void end(const CloseReason& reason);

    [[nodiscard]] bool over() const { return over_; }
    void set_handlers(ResponseHandlers handlers, bool body);
    [[nodiscard]] std::size_t queued_bytes() const { return queue_.bytes(); }

private:
    friend class H3Session;
    friend struct H3Callbacks;
    static constexpr std::int64_t kNoId = -1;

    void wake();

    bool queue_has_room(std::size_t count);

    H3Session* session_ = nullptr;  ///< none before there is a connection, and once over
    std::int64_t id_ = kNoId;
    StreamHandlers handlers_;
    std::function<void(const ResponseHead&)> on_response_;  ///< client, until it has come
    IncomingHead head_;
    SendQueue queue_;
    std::size_t unconsumed_ = 0;  ///< bytes delivered while paused: not granted again yet
    std::optional<CloseReason> ending_;
    bool over_ = false;
    bool paused_ = false;
    bool responded_ = false;
    bool finished_ = false;  ///< the user said that the own body is complete
    bool peer_finished_ = false;
    bool above_drain_ = false;  ///< on_drain is owed
};

}  // namespace tidegate::transport
