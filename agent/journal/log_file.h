#pragma once
/// An append-only file of checked frames: u32 length (network order), 8 bytes of SHA-256 over what
/// follows, then one byte of type and the payload. A torn tail (the power went while it was
/// written) is cut off at open; nothing in it was ever acted upon, because acting waits for sync.
///
/// Space is allocated ahead of its end (fallocate, the size stays), so that others who fill the
/// disk do not take what the next records need. Errors: `exhausted` = there is no room for it, by
/// bytes, by quota or by inodes; nothing was written, and the file is as it was.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace tidegate::agent {

/// No bytes, no inodes, none left of a quota or of a bound on a file's size.
[[nodiscard]] bool is_full(int error);

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

    /// Allocates room for so many bytes of frames, and for so many more after them.
    [[nodiscard]] Result<void> make_room(std::uint64_t bytes, std::uint64_t spare);
    /// Gives back what is allocated beyond its end.
    [[nodiscard]] Result<void> trim() { return take_back(bytes_); }
    /// How many bytes a payload takes.
    [[nodiscard]] static std::uint64_t frame_bytes(std::string_view payload);
    /// Buffers a frame; where its payload will be.
    Location add(char type, std::string_view payload);
    /// Writes what was added. After `exhausted` it is forgotten.
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
    [[nodiscard]] Result<void> allocate(std::uint64_t end);
    [[nodiscard]] Result<void> take_back(std::uint64_t to);

    int fd_ = -1;
    std::uint64_t bytes_ = 0;
    std::uint64_t allocated_ = 0;  ///< the file's blocks reach at least so far
    std::uint64_t torn_bytes_ = 0;
    std::string buffer_;
};

/// Makes the names in a directory durable.
[[nodiscard]] Result<void> sync_directory(const std::string& path);

}  // namespace tidegate::agent
