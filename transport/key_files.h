#pragma once
/// Secrets at rest and where they come from: private keys, certificates, reset secrets. All calls
/// block on the disk for as long as a small file takes; they are for start-up and for renewals.

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace tidegate::transport {

/// From the kernel's generator.
[[nodiscard]] std::array<std::uint8_t, 32> random_secret();

/// Makes the directory if it is not there, and only the owner may look into it (0700).
[[nodiscard]] Result<void> make_private_directory(const std::filesystem::path& directory);
/// Replaces the file as a whole (0600): after a crash it holds the old content or the new.
[[nodiscard]] Result<void> write_private_file(const std::filesystem::path& path,
                                              std::string_view content);
/// As `read_file`, up to limits::kPemBytesMax.
[[nodiscard]] Result<std::string> read_private_file(const std::filesystem::path& path);

}  // namespace tidegate::transport
