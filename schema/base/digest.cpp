#include "schema/base/digest.h"

#include <nettle/sha1.h>
#include <nettle/sha2.h>

namespace tidegate {
namespace {

const std::uint8_t* as_bytes(std::string_view text) {
    return reinterpret_cast<const std::uint8_t*>(text.data());
}

/// The parts one after the other, each behind its length in eight bytes, big endian.
std::string joined(std::initializer_list<std::string_view> parts) {
    std::string all;
    for (const auto part : parts) {
        for (int shift = 56; shift >= 0; shift -= 8)
            all += static_cast<char>((part.size() >> shift) & 0xff);
        all += part;
    }
    return all;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// The name space of all Tidegate ids: made once at random, never to change.
constexpr std::array<std::uint8_t, 16> kNamespace{0x6f, 0x1d, 0x2c, 0x59, 0x8a, 0x0e, 0x4b, 0x73,
                                                  0x9c, 0x41, 0x5d, 0xe2, 0x37, 0xb8, 0x06, 0xfa};

}  // namespace

Digest Digest::of(std::string_view bytes) {
    Digest digest;
    sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, bytes.size(), as_bytes(bytes));
    sha256_digest(&context, digest.bytes_.size(), digest.bytes_.data());
    return digest;
}

Digest Digest::of_parts(std::initializer_list<std::string_view> parts) { return of(joined(parts)); }

Result<Digest> Digest::from_hex(std::string_view hex) {
    Digest digest;
    if (hex.size() != 2 * digest.bytes_.size())
        return fail(ErrorCode::invalid, "a SHA-256 has 64 hexadecimal digits, got {}", hex.size());
    for (std::size_t i = 0; i < digest.bytes_.size(); ++i) {
        const int high = hex_value(hex[2 * i]);
        const int low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return fail(ErrorCode::invalid, "a SHA-256 has only hexadecimal digits, got '{}'", hex);
        digest.bytes_[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return digest;
}

std::string Digest::hex() const { return empty() ? std::string{} : to_hex(bytes_); }

std::string uuid5(std::initializer_list<std::string_view> parts) {
    const auto name = joined(parts);
    std::array<std::uint8_t, SHA1_DIGEST_SIZE> hash{};
    sha1_ctx context;
    sha1_init(&context);
    sha1_update(&context, kNamespace.size(), kNamespace.data());
    sha1_update(&context, name.size(), as_bytes(name));
    sha1_digest(&context, hash.size(), hash.data());
    hash[6] = static_cast<std::uint8_t>((hash[6] & 0x0f) | 0x50);
    hash[8] = static_cast<std::uint8_t>((hash[8] & 0x3f) | 0x80);
    const auto hex = to_hex(std::span{hash}.first(16));
    return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                       hex.substr(16, 4), hex.substr(20, 12));
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (const auto byte : bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

}  // namespace tidegate
