#include "tests/integration/transport/sealed_frames.h"

#include <dlfcn.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace tidegate::transport {
namespace {

Rewrite& current_rewrite() {
    static Rewrite rewrite;
    return rewrite;
}

/// RFC 9000 §16: of one, two, four or eight bytes.
void append_varint(std::vector<std::uint8_t>& out, std::uint64_t value, unsigned log2_size) {
    const unsigned size = 1U << log2_size;
    for (unsigned i = size; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    auto& first = out[out.size() - size];
    first = static_cast<std::uint8_t>((first & 0x3f) | (log2_size << 6));
}

std::vector<std::uint8_t> make_up_frame(std::mt19937& random) {
    constexpr unsigned kTypesKnown = 0x32;  // up to DATAGRAM with a length, RFC 9221
    std::vector<std::uint8_t> frame{static_cast<std::uint8_t>(random() % kTypesKnown)};
    for (auto numbers = random() % 6; numbers > 0; --numbers) {
        const std::uint64_t number = std::uint64_t{random()} << 32 | random();
        append_varint(frame, number >> (random() % 64), static_cast<unsigned>(random() % 4));
    }
    for (auto bytes = random() % 24; bytes > 0; --bytes)
        frame.push_back(static_cast<std::uint8_t>(random()));
    return frame;
}

}  // namespace

void rewrite_sealed_frames(Rewrite rewrite) { current_rewrite() = std::move(rewrite); }

void damage_frames(std::span<std::uint8_t> frames, std::mt19937& random) {
    if (frames.empty()) return;
    for (auto bytes = random() % 4; bytes > 0; --bytes)
        frames[random() % frames.size()] = static_cast<std::uint8_t>(random());
    for (auto made_up = random() % 3; made_up > 0; --made_up) {
        const auto frame = make_up_frame(random);
        const auto at = random() % 2 == 0 ? 0 : random() % frames.size();
        const auto room = frames.subspan(at);
        std::copy_n(frame.begin(), std::min(frame.size(), room.size()), room.begin());
    }
}

}  // namespace tidegate::transport

/// Stands in the way of the library's function of the same name, which all packets go through.
extern "C" int ngtcp2_crypto_encrypt_cb(std::uint8_t* out, const ngtcp2_crypto_aead* aead,
                                        const ngtcp2_crypto_aead_ctx* context,
                                        const std::uint8_t* plain, std::size_t plain_size,
                                        const std::uint8_t* nonce, std::size_t nonce_size,
                                        const std::uint8_t* head, std::size_t head_size) {
    static const auto real = reinterpret_cast<decltype(&ngtcp2_crypto_encrypt_cb)>(
        ::dlsym(RTLD_NEXT, "ngtcp2_crypto_encrypt_cb"));
    std::vector<std::uint8_t> frames{plain, plain + plain_size};
    if (const auto& rewrite = tidegate::transport::current_rewrite()) rewrite(frames);
    return real(out, aead, context, frames.data(), frames.size(), nonce, nonce_size, head,
                head_size);
}
