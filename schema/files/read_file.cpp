#include "schema/files/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "schema/files/file_descriptor.h"

namespace tidegate {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

tl::unexpected<Error> fail_errno(const std::filesystem::path& path) {
    const auto code = errno == ENOENT || errno == ENOTDIR ? ErrorCode::not_found
                      : errno == EACCES || errno == EPERM ? ErrorCode::denied
                                                          : ErrorCode::unavailable;
    return fail(code, "cannot read {}: {}", path.string(), std::strerror(errno));
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max) {
    // A pipe that nobody writes to would hold open up.
    const FileDescriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat status {};
    if (!file.valid() || ::fstat(file.get(), &status) != 0) return fail_errno(path);
    if (!S_ISREG(status.st_mode))
        return fail(ErrorCode::invalid, "cannot read {}: it is {}", path.string(),
                    S_ISDIR(status.st_mode) ? "a folder" : "not a regular file");
    std::string content;
    for (;;) {
        const auto before = content.size();
        content.resize(std::min(before + kPiece, bytes_max + 1));
        const auto got = ::read(file.get(), content.data() + before, content.size() - before);
        content.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && errno != EINTR) return fail_errno(path);
        if (got == 0) return content;
        if (content.size() > bytes_max)
            return fail(ErrorCode::exhausted, "cannot read {}: it has more than {} bytes",
                        path.string(), bytes_max);
    }
}

}  // namespace tidegate
