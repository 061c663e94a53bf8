#pragma once
/// One file, whole and bounded. For what people configure and for keys: it blocks on the disk for
/// as long as a small file takes.

#include <cstddef>
#include <filesystem>
#include <string>

#include "schema/base/result.h"

namespace tidegate {

/// Never less than the whole file. `not_found`: there is none; `invalid`: a folder, a device, a
/// pipe; `exhausted`: more than `bytes_max`; `denied`: no permission; `unavailable`: the disk. Each
/// names the file.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path,
                                            std::size_t bytes_max);

}  // namespace tidegate
