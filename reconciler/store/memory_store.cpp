#include "reconciler/store/memory_store.h"

#include <algorithm>

#include "schema/base/limits.h"

namespace tidegate {
namespace {

AuditMark tail_of(const MemoryDisk& disk) {
    if (disk.audit.empty()) return {};
    return {disk.audit.back().seq, disk.audit.back().hash};
}

void apply(MemoryDisk& disk, const Put& put) { disk.rows[{put.table, put.key}] = put.body; }
void apply(MemoryDisk& disk, const Erase& erase) { disk.rows.erase({erase.table, erase.key}); }

void apply(MemoryDisk& disk, const Batch& batch) {
    for (const auto& write : batch.writes)
        std::visit([&](const auto& one) { apply(disk, one); }, write);
    for (const auto& entry : batch.audit)
        disk.audit.push_back(next_audit_row(tail_of(disk), entry));
}

}  // namespace

MemoryStore::MemoryStore(std::shared_ptr<MemoryDisk> disk, CrashPoint crash_point)
    : disk_{std::move(disk)}, crash_point_{std::move(crash_point)} {}

Result<CommitOutcome> MemoryStore::commit(std::span<const Batch> batches) {
    CHECK(ready());
    for (const auto& batch : batches) CHECK(check_batch(batch));
    if (crash_point_) crash_point_(kBeforeCommit);
    const auto fault = std::exchange(fault_, Fault::none);
    if (fault == Fault::full) return fail(ErrorCode::exhausted, "memory store: no space left");
    if (fault != Fault::lost) {
        const std::lock_guard lock{disk_->mutex};
        for (const auto& batch : batches) apply(*disk_, batch);
    }
    fenced_ = fault != Fault::none;
    if (crash_point_) crash_point_(kAfterCommit);
    return fenced_ ? CommitOutcome::unknown : CommitOutcome::committed;
}

Result<std::vector<Row>> MemoryStore::load(Table table) {
    CHECK(ready());
    const std::lock_guard lock{disk_->mutex};
    std::vector<Row> rows;
    for (auto at = disk_->rows.lower_bound({table, {}});
         at != disk_->rows.end() && at->first.first == table; ++at)
        rows.push_back({table, at->first.second, at->second});
    return rows;
}

Result<std::optional<std::string>> MemoryStore::get(Table table, std::string_view key) {
    CHECK(ready());
    const std::lock_guard lock{disk_->mutex};
    const auto found = disk_->rows.find({table, std::string{key}});
    if (found == disk_->rows.end()) return std::nullopt;
    return found->second;
}

Result<std::vector<AuditRow>> MemoryStore::audit(std::uint64_t from_seq, std::size_t limit) {
    CHECK(ready());
    const std::lock_guard lock{disk_->mutex};
    const auto first = std::ranges::lower_bound(disk_->audit, from_seq, {}, &AuditRow::seq);
    const auto left = static_cast<std::size_t>(disk_->audit.end() - first);
    const auto count = std::min({left, limit, limits::kAuditPageRowsMax});
    return std::vector<AuditRow>(first, first + static_cast<std::ptrdiff_t>(count));
}

Result<AuditMark> MemoryStore::audit_tail() {
    CHECK(ready());
    const std::lock_guard lock{disk_->mutex};
    return tail_of(*disk_);
}

Result<std::uint64_t> MemoryStore::begin_epoch(Timestamp now) {
    CHECK(ready());
    const std::lock_guard lock{disk_->mutex};
    const auto key = std::pair{Table::meta, std::string{kEpochKey}};
    const auto found = disk_->rows.find(key);
    const auto stored = found == disk_->rows.end() ? std::nullopt : std::optional{found->second};
    const auto epoch = TRY(next_epoch(stored, now));
    disk_->rows[key] = std::to_string(epoch);
    return epoch;
}

Result<void> MemoryStore::ready() const {
    if (fenced_)
        return fail(ErrorCode::unavailable,
                    "memory store is fenced after a commit of unknown outcome; open it anew");
    return {};
}

}  // namespace tidegate
