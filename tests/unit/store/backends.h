#pragma once
/// The stores under one contract, each with a disk that can break.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/store/memory_store.h"
#include "reconciler/store/store.h"

namespace tidegate {

/// A directory that goes away with its owner.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// One "disk" and the stores opened on it.
class Backend {
public:
    virtual ~Backend() = default;
    [[nodiscard]] virtual std::unique_ptr<Store> open(CrashPoint crash_point = {}) = 0;
    /// From now on until `heal`, commits of this store come back `unknown`.
    virtual void lose_answers(Store& store) = 0;
    /// From now on until `heal`, there is no space.
    virtual void fill_disk(Store& store) = 0;
    virtual void heal(Store& store) = 0;
};

/// `memory` or `sqlite`.
[[nodiscard]] std::unique_ptr<Backend> make_backend(std::string_view name);

/// What the C library's calls do in this program; SQLite reaches the disk through them.
struct DiskFaults {
    bool sync_fails = false;  ///< fdatasync: EIO
    bool full = false;        ///< pwrite: ENOSPC
    int syncs = 0;            ///< fdatasync calls so far
};
[[nodiscard]] DiskFaults& disk_faults();

/// A release row, and an audit entry about it.
[[nodiscard]] Batch batch_for(std::string key, std::string body = "{}");
[[nodiscard]] std::vector<std::string> keys_of(const std::vector<Row>& rows);

}  // namespace tidegate
