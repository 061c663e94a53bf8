#include "transport/key_files.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "schema/base/limits.h"
#include "schema/files/read_file.h"

namespace tidegate::transport {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> fail_errno(std::string_view what, const fs::path& path) {
    return fail(ErrorCode::unavailable, "cannot {} {}: {}", what, path.string(),
                std::strerror(errno));
}

/// A file descriptor, closed at the end.
struct Descriptor {
    int value;
    ~Descriptor() {
        if (value >= 0) ::close(value);
    }
};

Result<void> sync_directory(const fs::path& directory) {
    const Descriptor opened{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (opened.value < 0 || ::fsync(opened.value) != 0) return fail_errno("sync", directory);
    return {};
}

Result<void> write_all(int file, std::string_view content, const fs::path& path) {
    while (!content.empty()) {
        const auto written = ::write(file, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_errno("write", path);
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(file) != 0) return fail_errno("sync", path);
    return {};
}

}  // namespace

std::array<std::uint8_t, 32> random_secret() {
    std::array<std::uint8_t, 32> secret{};
    TG_ASSERT(::getrandom(secret.data(), secret.size(), 0) == static_cast<ssize_t>(secret.size()));
    return secret;
}

Result<void> make_private_directory(const fs::path& directory) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (!error) fs::permissions(directory, fs::perms::owner_all, error);
    if (error)
        return fail(ErrorCode::unavailable, "cannot make {}: {}", directory.string(),
                    error.message());
    return {};
}

Result<void> write_private_file(const fs::path& path, std::string_view content) {
    auto temporary = path;
    temporary += ".new";
    ::unlink(temporary.c_str());
    {
        const Descriptor file{
            ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
        if (file.value < 0) return fail_errno("make", temporary);
        CHECK(write_all(file.value, content, temporary));
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) return fail_errno("replace", path);
    return sync_directory(path.parent_path());
}

Result<std::string> read_private_file(const fs::path& path) {
    return read_file(path, limits::kPemBytesMax);
}

}  // namespace tidegate::transport
