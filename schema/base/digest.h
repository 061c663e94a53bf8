#pragma once
/// SHA-256 values and name-based ids. The hash functions are nettle's; these are only types.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace tidegate {

/// A SHA-256 (FIPS 180-4), or "none" (all zero), which no input has.
class Digest {
public:
    Digest() = default;
    [[nodiscard]] static Digest of(std::string_view bytes);
    /// The hash over length-prefixed parts, so that ("ab","c") and ("a","bc") differ.
    [[nodiscard]] static Digest of_parts(std::initializer_list<std::string_view> parts);
    /// 64 hexadecimal digits, either case.
    [[nodiscard]] static Result<Digest> from_hex(std::string_view hex);

    [[nodiscard]] bool empty() const { return *this == Digest{}; }
    /// 64 lower-case digits; empty text for the empty digest.
    [[nodiscard]] std::string hex() const;
    /// The first twelve digits, for people.
    [[nodiscard]] std::string short_hex() const { return hex().substr(0, 12); }
    [[nodiscard]] std::span<const std::uint8_t, 32> bytes() const { return bytes_; }

    friend auto operator<=>(const Digest&, const Digest&) = default;

private:
    std::array<std::uint8_t, 32> bytes_{};
};

/// UUID version 5 (RFC 4122 §4.3) of length-prefixed parts in Tidegate's own name space.
[[nodiscard]] std::string uuid5(std::initializer_list<std::string_view> parts);

/// Lower-case hexadecimal of any bytes.
[[nodiscard]] std::string to_hex(std::span<const std::uint8_t> bytes);

}  // namespace tidegate

template <>
struct std::hash<tidegate::Digest> {
    std::size_t operator()(const tidegate::Digest& digest) const noexcept {
        std::size_t value = 0;
        for (std::size_t i = 0; i < sizeof value; ++i)
            value |= static_cast<std::size_t>(digest.bytes()[i]) << (8 * i);
        return value;
    }
};
