#include "reconciler/store/store.h"

#include <charconv>

#include "reconciler/store/memory_store.h"
#include "reconciler/store/sqlite_store.h"
#include "schema/base/limits.h"

namespace tidegate {
namespace {

Result<void> check_key(Table table, std::string_view key) {
    if (key.empty() || key.size() > limits::kStoreKeyBytesMax)
        return fail(ErrorCode::invalid, "a {} key must have 1..{} bytes, got {}", to_string(table),
                    limits::kStoreKeyBytesMax, key.size());
    if (table == Table::meta && key == kEpochKey)
        return fail(ErrorCode::invalid, "meta key '{}' belongs to the store", kEpochKey);
    return {};
}

Result<void> check_write(const Put& put) {
    if (put.body.size() > limits::kStoreBodyBytesMax)
        return fail(ErrorCode::invalid, "{} '{}' must have at most {} bytes, got {}",
                    to_string(put.table), put.key, limits::kStoreBodyBytesMax, put.body.size());
    return check_key(put.table, put.key);
}

Result<void> check_write(const Erase& erase) { return check_key(erase.table, erase.key); }

Result<void> check_entry(const AuditEntry& entry) {
    const auto bytes = entry.actor.size() + entry.kind.size() + entry.subject.size() +
                       entry.commit.size() + entry.detail.size();
    if (bytes > limits::kAuditEntryBytesMax)
        return fail(ErrorCode::invalid, "audit entry '{}' must have at most {} bytes, got {}",
                    entry.kind.substr(0, 64), limits::kAuditEntryBytesMax, bytes);
    return {};
}

constexpr std::string_view kMemory = "memory:";

/// The file of a SQLite store.
Result<std::filesystem::path> file_of(std::string_view url, const std::filesystem::path& data_dir) {
    constexpr std::string_view sqlite = "sqlite:";
    if (url.empty()) return data_dir / "store.sqlite";
    if (url.starts_with(sqlite) && url.size() > sqlite.size()) return url.substr(sqlite.size());
    return fail(ErrorCode::invalid, "store URL must be sqlite:PATH or memory:, got scheme '{}'",
                url.substr(0, std::min<std::size_t>(url.find(':'), 32)));
}

std::size_t bytes_of(const Put& put) { return put.key.size() + put.body.size(); }
std::size_t bytes_of(const Erase& erase) { return erase.key.size(); }

}  // namespace

Result<std::unique_ptr<Store>> make_store(std::string_view url,
                                          const std::filesystem::path& data_dir,
                                          CrashPoint crash_point) {
    if (url == kMemory)
        return std::make_unique<MemoryStore>(std::make_shared<MemoryDisk>(),
                                             std::move(crash_point));
    return open_sqlite_store(TRY(file_of(url, data_dir)), std::move(crash_point));
}

Result<std::unique_ptr<Store>> read_store(std::string_view url,
                                          const std::filesystem::path& data_dir) {
    if (url == kMemory)
        return fail(ErrorCode::not_found, "a store in memory: can only be asked by its daemon");
    return read_sqlite_store(TRY(file_of(url, data_dir)));
}

Result<void> check_batch(const Batch& batch) {
    for (const auto& write : batch.writes)
        CHECK(std::visit([](const auto& one) { return check_write(one); }, write));
    for (const auto& entry : batch.audit) CHECK(check_entry(entry));
    return {};
}

std::size_t bytes_of(const Batch& batch) {
    std::size_t bytes = 0;
    for (const auto& write : batch.writes)
        bytes += std::visit([](const auto& one) { return bytes_of(one); }, write);
    for (const auto& entry : batch.audit) bytes += entry.subject.size() + entry.detail.size();
    return bytes;
}

Result<AuditMark> verify_audit(Store& store) {
    AuditMark mark;
    while (true) {
        const auto page = TRY(store.audit(mark.seq + 1, limits::kAuditPageRowsMax));
        if (page.empty()) return mark;
        mark = TRY(verify_chain(page, mark));
    }
}

Result<std::uint64_t> next_epoch(const std::optional<std::string>& stored, Timestamp now) {
    if (!stored) {
        if (now.time_since_epoch().count() <= 0)
            return fail(ErrorCode::invalid, "the first epoch needs a clock after 1970, got {}",
                        format_rfc3339(now));
        return static_cast<std::uint64_t>(now.time_since_epoch().count());
    }
    std::uint64_t last = 0;
    const auto* end = stored->data() + stored->size();
    const auto [stop, error] = std::from_chars(stored->data(), end, last);
    if (error != std::errc{} || stop != end)
        return fail(ErrorCode::invalid, "the stored epoch must be a number, got '{}'", *stored);
    return last + 1;
}

}  // namespace tidegate
