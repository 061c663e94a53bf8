#include "reconciler/daemon/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace tidegate::daemon {
namespace {

namespace fs = std::filesystem;

fs::path lock_file(const fs::path& root) { return root / "run" / "daemon.lock"; }

Result<void> make_private(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error)
        return fail(ErrorCode::unavailable, "cannot make {}: {}", path.string(), error.message());
    if (::chmod(path.c_str(), 0700) != 0)
        return fail(ErrorCode::denied, "cannot make {} private: {}", path.string(),
                    std::strerror(errno));
    return {};
}

/// An empty folder may become a data dir; any other that is open belongs to those it is open to.
Result<void> check_free(const fs::path& root) {
    std::error_code error;
    const auto mode = fs::status(root, error).permissions();
    const bool open = (mode & (fs::perms::group_all | fs::perms::others_all)) != fs::perms::none;
    if (error || !open || fs::is_empty(root, error) || fs::exists(lock_file(root), error))
        return {};
    return fail(ErrorCode::denied, "{} is open to others and not a data dir", root.string());
}

}  // namespace

Result<DataDir> DataDir::open(const fs::path& root) {
    CHECK(check_free(root));
    CHECK(make_private(root));
    for (const auto* folder : {"pki", "git", "run", "logs", "cache"})
        CHECK(make_private(root / folder));
    const auto file = lock_file(root);
    const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return fail(ErrorCode::unavailable, "cannot open {}: {}", file.string(),
                    std::strerror(errno));
    if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
        ::close(lock);
        return fail(ErrorCode::conflict, "{} is in use by another daemon", root.string());
    }
    DataDir taken{root, lock};
    taken.withdraw();
    return taken;
}

DataDir::DataDir(DataDir&& other) noexcept
    : root_{std::move(other.root_)}, lock_{std::exchange(other.lock_, -1)} {}

DataDir::~DataDir() {
    if (lock_ < 0) return;
    withdraw();
    ::close(lock_);
}

Result<void> DataDir::publish_address(std::string_view name, std::string_view address) {
    const auto file = root_ / "run" / fmt::format("{}.addr", name);
    const auto fresh = file.string() + ".new";
    std::ofstream out{fresh, std::ios::trunc};
    out << address << '\n';
    out.close();
    std::error_code error;
    if (out) fs::rename(fresh, file, error);
    if (!out || error) return fail(ErrorCode::unavailable, "cannot write {}", file.string());
    return {};
}

void DataDir::withdraw() {
    std::error_code ignored;
    for (const auto* name : {"agents.addr", "http.addr", "admin.sock"})
        fs::remove(root_ / "run" / name, ignored);
}

}  // namespace tidegate::daemon
