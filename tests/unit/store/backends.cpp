#include "tests/unit/store/backends.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "reconciler/store/sqlite_store.h"

/// Stand before the C library's, for SQLite's shared library too.
extern "C" int fdatasync(int descriptor) {
    auto& faults = tidegate::disk_faults();
    ++faults.syncs;
    if (faults.sync_fails) {
        errno = EIO;
        return -1;
    }
    return static_cast<int>(syscall(SYS_fdatasync, descriptor));
}

extern "C" ssize_t pwrite64(int descriptor, const void* bytes, size_t count, off64_t offset) {
    if (tidegate::disk_faults().full) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, descriptor, bytes, count, offset);
}

namespace tidegate {
namespace {

class MemoryBackend final : public Backend {
public:
    std::unique_ptr<Store> open(CrashPoint crash_point) override {
        return std::make_unique<MemoryStore>(disk_, std::move(crash_point));
    }
    void lose_answers(Store& store) override { fail(store, MemoryStore::Fault::applied); }
    void fill_disk(Store& store) override { fail(store, MemoryStore::Fault::full); }
    void heal(Store& store) override { fail(store, MemoryStore::Fault::none); }

private:
    static void fail(Store& store, MemoryStore::Fault fault) {
        dynamic_cast<MemoryStore&>(store).fail_next_commit(fault);
    }
    std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
};

class SqliteBackend final : public Backend {
public:
    ~SqliteBackend() override { disk_faults() = {}; }
    std::unique_ptr<Store> open(CrashPoint crash_point) override {
        auto store = open_sqlite_store(directory_.path() / "store.sqlite", std::move(crash_point));
        EXPECT_TRUE(store.has_value()) << store.error().text();
        return std::move(store).value();
    }
    void lose_answers(Store&) override { disk_faults().sync_fails = true; }
    void fill_disk(Store&) override { disk_faults().full = true; }
    void heal(Store&) override { disk_faults() = {}; }

private:
    TemporaryDirectory directory_;
};

}  // namespace

DiskFaults& disk_faults() {
    static DiskFaults faults;
    return faults;
}

TemporaryDirectory::TemporaryDirectory() {
    auto name = (std::filesystem::temp_directory_path() / "tidegate-store-XXXXXX").string();
    TG_ASSERT(::mkdtemp(name.data()) != nullptr);
    path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<Backend> make_backend(std::string_view name) {
    if (name == "memory") return std::make_unique<MemoryBackend>();
    return std::make_unique<SqliteBackend>();
}

Batch batch_for(std::string key, std::string body) {
    AuditEntry entry{Timestamp{Milliseconds{1'700'000'000'000}},
                     "alice@example.com",
                     "release.started",
                     key,
                     "c0ffee",
                     R"({"why":"test"})"};
    return {{Put{Table::release, std::move(key), std::move(body)}}, {std::move(entry)}};
}

std::vector<std::string> keys_of(const std::vector<Row>& rows) {
    std::vector<std::string> keys;
    for (const auto& row : rows) keys.push_back(row.key);
    return keys;
}

}  // namespace tidegate
