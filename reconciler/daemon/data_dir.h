#pragma once
/// The daemon's data dir: made at start with mode 0700, locked by the one daemon that uses it. A
/// folder that holds something else and is open to others is refused, never closed to them.
/// Layout: design, section 3.

#include <filesystem>
#include <string_view>

#include "schema/base/result.h"

namespace tidegate::daemon {

/// Holds the lock as long as it lives; addresses in it are those of the lock's holder, never of a
/// daemon that crashed or did not start. Movable, any thread.
class DataDir {
public:
    /// Errors name the path. `unavailable`: not creatable; `denied`: open to others and not a data
    /// dir, or not ours to close; `conflict`: in use by another daemon.
    [[nodiscard]] static Result<DataDir> open(const std::filesystem::path& root);
    DataDir(DataDir&& other) noexcept;
    DataDir& operator=(DataDir&&) = delete;
    ~DataDir();

    [[nodiscard]] const std::filesystem::path& root() const { return root_; }
    [[nodiscard]] std::filesystem::path git() const { return root_ / "git"; }
    [[nodiscard]] std::filesystem::path git_home() const { return root_ / "run" / "home"; }
    [[nodiscard]] std::filesystem::path pki() const { return root_ / "pki"; }
    [[nodiscard]] std::filesystem::path logs() const { return root_ / "logs"; }
    /// What may be lost at the cost of time only.
    [[nodiscard]] std::filesystem::path cache() const { return root_ / "cache"; }
    [[nodiscard]] std::filesystem::path admin_socket() const {
        return root_ / "run" / "admin.sock";
    }

    /// `run/<name>.addr`, whole or not at all: who waits for the file reads a whole address.
    [[nodiscard]] Result<void> publish_address(std::string_view name, std::string_view address);
    /// Removes the published addresses and the socket: the daemon is gone.
    void withdraw();

private:
    DataDir(std::filesystem::path root, int lock) : root_{std::move(root)}, lock_{lock} {}

    std::filesystem::path root_;
    int lock_;
};

}  // namespace tidegate::daemon
