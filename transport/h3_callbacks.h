#pragma once
/// nghttp3's callbacks into H3Session. Internal to transport.

#include "transport/h3.h"

namespace tidegate::transport {

struct H3Callbacks {
    static const nghttp3_callbacks& table();
    static nghttp3_ssize read_body(nghttp3_conn*, std::int64_t id, nghttp3_vec* parts,
                                   std::size_t room, std::uint32_t* flags, void* session, void*);

private:
    static int body(nghttp3_conn*, std::int64_t id, const std::uint8_t* data, std::size_t size,
                    void* session, void*);
    static int consumed(nghttp3_conn*, std::int64_t id, std::size_t bytes, void* session, void*);
    static int acknowledged(nghttp3_conn*, std::int64_t id, std::uint64_t bytes, void* session,
                            void*);
    static int begin_head(nghttp3_conn*, std::int64_t id, void* session, void*);
    static int field(nghttp3_conn*, std::int64_t id, std::int32_t token, nghttp3_rcbuf* name,
                     nghttp3_rcbuf* value, std::uint8_t flags, void* session, void*);
    static int trailer(nghttp3_conn*, std::int64_t id, std::int32_t token, nghttp3_rcbuf* name,
                       nghttp3_rcbuf* value, std::uint8_t flags, void* session, void*);
    static int end_head(nghttp3_conn*, std::int64_t id, int fin, void* session, void*);
    static int end_body(nghttp3_conn*, std::int64_t id, void* session, void*);
    static int stop_sending(nghttp3_conn*, std::int64_t id, std::uint64_t code, void* session,
                            void*);
    static int reset(nghttp3_conn*, std::int64_t id, std::uint64_t code, void* session, void*);
};

}  // namespace tidegate::transport
