#include "transport/quic_callbacks.h"

#include <gnutls/crypto.h>

#include "transport/connection.h"

namespace tidegate::transport {
namespace {

ConnectionCore& core_of(void* pointer) { return *static_cast<ConnectionCore*>(pointer); }

void random_bytes(std::uint8_t* bytes, std::size_t size, const ngtcp2_rand_ctx*) {
    TG_ASSERT(gnutls_rnd(GNUTLS_RND_NONCE, bytes, size) == 0);
}

/// ngtcp2 does the cryptography by its GnuTLS helper library.
void use_crypto_helpers(ngtcp2_callbacks& table) {
    table.client_initial = ngtcp2_crypto_client_initial_cb;
    table.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    table.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
    table.recv_retry = ngtcp2_crypto_recv_retry_cb;
    table.encrypt = ngtcp2_crypto_encrypt_cb;
    table.decrypt = ngtcp2_crypto_decrypt_cb;
    table.hp_mask = ngtcp2_crypto_hp_mask_cb;
    table.update_key = ngtcp2_crypto_update_key_cb;
    table.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    table.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    table.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
    table.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
}

}  // namespace

const ngtcp2_callbacks& QuicCallbacks::table(bool server) {
    static const auto make = [](bool for_server) {
        ngtcp2_callbacks table{};
        use_crypto_helpers(table);
        table.rand = random_bytes;
        table.handshake_completed = handshake_completed;
        // HTTP/3 starts as soon as its control streams can be opened.
        if (for_server)
            table.recv_tx_key = key_ready;
        else
            table.recv_rx_key = key_ready;
        table.recv_stream_data = stream_data;
        table.acked_stream_data_offset = stream_acknowledged;
        table.stream_close = stream_closed;
        table.stream_reset = stream_reset;
        table.stream_stop_sending = stream_stop_sending;
        table.extend_max_stream_data = stream_window;
        table.extend_max_local_streams_bidi = more_streams;
        table.recv_stateless_reset = stateless_reset;
        table.get_new_connection_id = new_cid;
        table.remove_connection_id = QuicCallbacks::remove_cid;
        return table;
    };
    static const ngtcp2_callbacks for_server = make(true);
    static const ngtcp2_callbacks for_client = make(false);
    return server ? for_server : for_client;
}

int QuicCallbacks::handshake_completed(ngtcp2_conn*, void* core) {
    return core_of(core).finish_handshake() ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

int QuicCallbacks::key_ready(ngtcp2_conn*, compat::CryptoLevel level, void* core) {
    if (level != compat::kApplicationLevel) return 0;
    return core_of(core).h3().start() ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

int QuicCallbacks::stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t id, std::uint64_t,
                               const std::uint8_t* data, std::size_t size, void* core, void*) {
    const bool fin = (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0;
    return core_of(core).h3().on_data(id, {data, size}, fin);
}

int QuicCallbacks::stream_acknowledged(ngtcp2_conn*, std::int64_t id, std::uint64_t,
                                       std::uint64_t size, void* core, void*) {
    return core_of(core).h3().on_acknowledged(id, size);
}

int QuicCallbacks::stream_closed(ngtcp2_conn*, std::uint32_t flags, std::int64_t id,
                                 std::uint64_t code, void* core, void*) {
    const bool has_code = (flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET) != 0;
    return core_of(core).h3().on_closed(id, has_code ? code : NGHTTP3_H3_NO_ERROR);
}

int QuicCallbacks::stream_reset(ngtcp2_conn*, std::int64_t id, std::uint64_t, std::uint64_t code,
                                void* core, void*) {
    return core_of(core).h3().on_reset_by_peer(id, code);
}

int QuicCallbacks::stream_stop_sending(ngtcp2_conn*, std::int64_t id, std::uint64_t, void* core,
                                       void*) {
    return core_of(core).h3().on_stop_sending(id);
}

int QuicCallbacks::stream_window(ngtcp2_conn*, std::int64_t id, std::uint64_t, void* core, void*) {
    return core_of(core).h3().on_window(id);
}

int QuicCallbacks::more_streams(ngtcp2_conn*, std::uint64_t, void* core) {
    core_of(core).touch();
    return 0;
}

int QuicCallbacks::stateless_reset(ngtcp2_conn*, const ngtcp2_pkt_stateless_reset*, void* core) {
    core_of(core).reset_by_peer_ = true;
    return 0;
}

int QuicCallbacks::new_cid(ngtcp2_conn*, ngtcp2_cid* cid, std::uint8_t* token, std::size_t,
                           void* core) {
    auto& self = core_of(core);
    *cid = random_cid();
    const auto& secret = self.config_.reset_secret;
    if (ngtcp2_crypto_generate_stateless_reset_token(token, secret.data(), secret.size(), cid) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    self.host_.add_cid(self, *cid);
    return 0;
}

int QuicCallbacks::remove_cid(ngtcp2_conn*, const ngtcp2_cid* cid, void* core) {
    core_of(core).host_.remove_cid(*cid);
    return 0;
}

}  // namespace tidegate::transport
