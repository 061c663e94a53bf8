#include "agent/journal/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "schema/base/digest.h"
#include "schema/base/limits.h"

namespace tidegate::agent {

bool is_full(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

namespace {

constexpr std::size_t kCheckBytes = 8;
constexpr std::size_t kHeadBytes = 4 + kCheckBytes;
constexpr std::size_t kBodyBytesMax = 2 * limits::kFrameBytesMax;
/// Allocated at a time, where there is so much.
constexpr std::uint64_t kAllocationStep = 256 * 1024;

tl::unexpected<Error> fail_errno(std::string_view what) {
    const auto code = is_full(errno) ? ErrorCode::exhausted : ErrorCode::unavailable;
    return fail(code, "journal: {}: {}", what, std::strerror(errno));
}

std::string check_of(std::string_view body) {
    const auto digest = Digest::of(body);
    const auto bytes = digest.bytes();
    return {bytes.begin(), bytes.begin() + kCheckBytes};
}

std::string length_of(std::size_t bytes) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((bytes >> shift) & 0xFF);
    return out;
}

Result<void> read_fully(int fd, std::string& into, std::uint64_t offset) {
    for (std::size_t done = 0; done < into.size();) {
        const auto got =
            ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("cannot read");
        if (got == 0) return fail(ErrorCode::not_found, "journal: the file ends");
        done += static_cast<std::size_t>(got);
    }
    return {};
}

/// The body of the frame at `offset`; nullopt where there is no whole frame.
Result<std::optional<std::string>> read_frame(int fd, std::uint64_t offset, std::uint64_t end) {
    if (end - offset < kHeadBytes) return std::optional<std::string>{};
    std::string head(kHeadBytes, '\0');
    CHECK(read_fully(fd, head, offset));
    std::size_t length = 0;
    for (int i = 0; i < 4; ++i)
        length = length << 8 | static_cast<unsigned char>(head[static_cast<std::size_t>(i)]);
    if (length == 0 || length > kBodyBytesMax || length > end - offset - kHeadBytes)
        return std::optional<std::string>{};
    std::string body(length, '\0');
    CHECK(read_fully(fd, body, offset + kHeadBytes));
    if (check_of(body) != head.substr(4)) return std::optional<std::string>{};
    return std::optional<std::string>{std::move(body)};
}

Result<bool> any_frame_after(int fd, std::uint64_t offset, std::uint64_t end) {
    while (++offset < end)
        if (TRY(read_frame(fd, offset, end))) return true;
    return false;
}

}  // namespace

Result<LogFile> LogFile::open(const std::string& path, const Visitor& visit) {
    LogFile file;
    file.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file.fd_ < 0) return fail_errno(path);
    CHECK(sync_directory(std::filesystem::path{path}.parent_path().string()));
    CHECK(file.replay(path, visit));
    return file;
}

LogFile::LogFile(LogFile&& other) noexcept { *this = std::move(other); }

LogFile& LogFile::operator=(LogFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(bytes_, other.bytes_);
    std::swap(allocated_, other.allocated_);
    std::swap(torn_bytes_, other.torn_bytes_);
    std::swap(buffer_, other.buffer_);
    return *this;
}

LogFile::~LogFile() {
    if (fd_ >= 0) ::close(fd_);
}

Result<void> LogFile::replay(const std::string& path, const Visitor& visit) {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) return fail_errno("cannot read");
    const auto end = static_cast<std::uint64_t>(status.st_size);
    while (const auto body = TRY(read_frame(fd_, bytes_, end))) {
        const Location location{bytes_ + kHeadBytes + 1,
                                static_cast<std::uint32_t>(body->size() - 1)};
        CHECK(visit(body->front(), std::string_view{*body}.substr(1), location));
        bytes_ += kHeadBytes + body->size();
    }
    torn_bytes_ = end - bytes_;
    if (torn_bytes_ == 0) return {};
    if (TRY(any_frame_after(fd_, bytes_, end)))
        return fail(ErrorCode::invalid,
                    "{} is damaged at byte {}, and whole records follow. Put it back from a "
                    "backup, or move it away: then nothing counts as installed on this host, and "
                    "the daemon installs it anew",
                    path, bytes_);
    if (::ftruncate(fd_, static_cast<off_t>(bytes_)) != 0) return fail_errno("cannot truncate");
    return sync();
}

std::uint64_t LogFile::frame_bytes(std::string_view payload) {
    return kHeadBytes + 1 + payload.size();
}

Result<void> LogFile::make_room(std::uint64_t bytes, std::uint64_t spare) {
    const auto end = this->bytes() + bytes + spare;
    if (end <= allocated_) return {};
    if (allocate(end + kAllocationStep)) return {};
    return allocate(end);
}

/// Where the file system cannot allocate, what is free at this moment has to do.
Result<void> LogFile::allocate(std::uint64_t end) {
    const auto size = static_cast<off_t>(end - bytes_);
    if (::fallocate(fd_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(bytes_), size) == 0) {
        allocated_ = end;
        return {};
    }
    if (errno != EOPNOTSUPP && errno != ENOSYS) return fail_errno("cannot allocate");
    struct statvfs disk {};
    if (::fstatvfs(fd_, &disk) != 0) return fail_errno("cannot allocate");
    if (std::uint64_t{disk.f_bavail} * disk.f_frsize >= end - bytes_) return {};
    errno = ENOSPC;
    return fail_errno("cannot allocate");
}

/// What a write left behind its error goes; so do the blocks ahead, which are asked for anew.
Result<void> LogFile::take_back(std::uint64_t to) {
    if (::ftruncate(fd_, static_cast<off_t>(to)) != 0)
        return fail(ErrorCode::unavailable, "journal: cannot truncate: {}", std::strerror(errno));
    bytes_ = to;
    allocated_ = to;
    return {};
}

Location LogFile::add(char type, std::string_view payload) {
    const auto body = std::string{type}.append(payload);
    TG_ASSERT(body.size() <= kBodyBytesMax);
    buffer_ += length_of(body.size());
    buffer_ += check_of(body);
    buffer_ += body;
    return {bytes() - payload.size(), static_cast<std::uint32_t>(payload.size())};
}

Result<void> LogFile::flush() {
    const auto begin = bytes_;
    while (!buffer_.empty()) {
        const auto wrote = ::write(fd_, buffer_.data(), buffer_.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) {
            auto failed = fail_errno("cannot write");
            buffer_.clear();
            if (failed.value().code == ErrorCode::exhausted) CHECK(take_back(begin));
            return failed;
        }
        bytes_ += static_cast<std::uint64_t>(wrote);
        buffer_.erase(0, static_cast<std::size_t>(wrote));
    }
    return {};
}

Result<void> LogFile::sync() {
    if (::fdatasync(fd_) != 0)
        return fail(ErrorCode::unavailable, "journal: cannot sync: {}", std::strerror(errno));
    return {};
}

Result<std::string> LogFile::read(Location location) const {
    std::string payload(location.bytes, '\0');
    CHECK(read_fully(fd_, payload, location.offset));
    return payload;
}

Result<void> sync_directory(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && ::fsync(fd) == 0;
    const int error = errno;
    if (fd >= 0) ::close(fd);
    errno = error;
    if (!synced) return fail_errno(path);
    return {};
}

}  // namespace tidegate::agent
