#pragma once
/// Lets a test rewrite what is inside packets, before they are encrypted: what a peer can send who
/// has the keys, as every anonymous client has.

#include <cstdint>
#include <functional>
#include <random>
#include <span>

namespace tidegate::transport {

/// Called with the frames of each packet that this process seals, while it is set.
using Rewrite = std::function<void(std::span<std::uint8_t> frames)>;
void rewrite_sealed_frames(Rewrite rewrite);

/// Damages frames: single bytes, or a made-up frame of any type with numbers of any size.
void damage_frames(std::span<std::uint8_t> frames, std::mt19937& random);

}  // namespace tidegate::transport
