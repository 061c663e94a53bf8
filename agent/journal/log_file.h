#pragma once
/// An append-only file of checked frames: u32 length (network order), 8 bytes of SHA-256 over what
/// follows, then one byte of type and the payload. A torn tail (the power went while it was
/// written) is cut off at open; nothing in it was ever acted upon, because acting waits for sync.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace tidegate::agent {

/// Where a payload lies in the file.
struct Location {
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;
};

class LogFile {
public:
    using Visitor = std::function<Result<void>(char type, std::string_view payload, Location)>;

    /// Opens or makes it (0600, the directory synced), calls `visit` for each whole frame in order
    /// and cuts off what follows the last one. `invalid`: whole frames follow a damaged one, which
    /// no torn write leaves; the file stays as it is.
    [[nodiscard]] static Result<LogFile> open(const std::string& path, const Visitor& visit);
    LogFile(LogFile&& other) noexcept;
    LogFile& operator=(LogFile&& other) noexcept;
    ~LogFile();

    /// Buffers a frame; where its payload will be.
    Location add(char type, std::string_view payload);
    /// Writes what was added.
    [[nodiscard]] Result<void> flush();
    /// Waits until all that was written survives a crash of the machine. After an error nothing is
    /// known about the file any more: the process must stop (a second fsync may lie).
    [[nodiscard]] Result<void> sync();
    /// Of what was flushed.
    [[nodiscard]] Result<std::string> read(Location location) const;

    [[nodiscard]] std::uint64_t bytes() const { return bytes_ + buffer_.size(); }
    [[nodiscard]] std::uint64_t torn_bytes() const { return torn_bytes_; }

private:
    LogFile() = default;
    [[nodiscard]] Result<void> replay(const std::string& path, const Visitor& visit);

    int fd_ = -1;
    std::uint64_t bytes_ = 0;
    std::uint64_t torn_bytes_ = 0;
    std::string buffer_;
};

/// Makes the names in a directory durable.
[[nodiscard]] Result<void> sync_directory(const std::string& path);

}  // namespace tidegate::agent
