#include "agent/drivers/script_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "schema/files/file_descriptor.h"

namespace tidegate::agent {
namespace {

tl::unexpected<Error> cannot_write(const std::string& folder) {
    return fail(ErrorCode::unavailable, "cannot write the script into {}: {}", folder,
                std::strerror(errno));
}

}  // namespace

Result<ScriptFile> ScriptFile::write(const std::string& folder, std::string_view body,
                                     const ProcessUser* owner) {
    ScriptFile file;
    file.path_ = folder + "/script-XXXXXX";
    const FileDescriptor fd{::mkostemp(file.path_.data(), O_CLOEXEC)};
    if (!fd.valid()) {
        file.path_.clear();
        return cannot_write(folder);
    }
    while (!body.empty()) {
        const auto wrote = ::write(fd.get(), body.data(), body.size());
        if (wrote < 0) return cannot_write(folder);
        body.remove_prefix(static_cast<std::size_t>(wrote));
    }
    const bool own = owner == nullptr || ::fchown(fd.get(), owner->uid, owner->gid) == 0;
    if (!own || ::fchmod(fd.get(), 0700) != 0) return cannot_write(folder);
    return file;
}

ScriptFile::ScriptFile(ScriptFile&& other) noexcept : path_{std::exchange(other.path_, {})} {}

ScriptFile::~ScriptFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

}  // namespace tidegate::agent
