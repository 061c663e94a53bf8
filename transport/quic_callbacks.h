#pragma once
/// ngtcp2's callbacks into ConnectionCore. Internal to transport.

#include "transport/ngtcp2_compat.h"

namespace tidegate::transport {

struct QuicCallbacks {
    static const ngtcp2_callbacks& table(bool server);

private:
    static int handshake_completed(ngtcp2_conn*, void* core);
    static int key_ready(ngtcp2_conn*, compat::CryptoLevel level, void* core);
    static int stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t id, std::uint64_t offset,
                           const std::uint8_t* data, std::size_t size, void* core, void*);
    static int stream_acknowledged(ngtcp2_conn*, std::int64_t id, std::uint64_t offset,
                                   std::uint64_t size, void* core, void*);
    static int stream_closed(ngtcp2_conn*, std::uint32_t flags, std::int64_t id, std::uint64_t code,
                             void* core, void*);
    static int stream_reset(ngtcp2_conn*, std::int64_t id, std::uint64_t final_size,
                            std::uint64_t code, void* core, void*);
    static int stream_stop_sending(ngtcp2_conn*, std::int64_t id, std::uint64_t code, void* core,
                                   void*);
    static int stream_window(ngtcp2_conn*, std::int64_t id, std::uint64_t limit, void* core, void*);
    static int more_streams(ngtcp2_conn*, std::uint64_t limit, void* core);
    static int stateless_reset(ngtcp2_conn*, const ngtcp2_pkt_stateless_reset*, void* core);
    static int new_cid(ngtcp2_conn*, ngtcp2_cid* cid, std::uint8_t* token, std::size_t size,
                       void* core);
    static int remove_cid(ngtcp2_conn*, const ngtcp2_cid* cid, void* core);
};

}  // namespace tidegate::transport
