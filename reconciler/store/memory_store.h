#pragma once
/// A store without a disk, for simulations and tests.

#include <map>
#include <mutex>
#include <utility>

#include "reconciler/store/store.h"

namespace tidegate {

/// What a memory store "has on disk"; keep it across stores to simulate a restart.
struct MemoryDisk {
    std::mutex mutex;
    std::map<std::pair<Table, std::string>, std::string> rows;
    std::vector<AuditRow> audit;
};

class MemoryStore final : public Store {
public:
    explicit MemoryStore(std::shared_ptr<MemoryDisk> disk = std::make_shared<MemoryDisk>(),
                         CrashPoint crash_point = {});

    /// What the next commit is to do instead of succeeding.
    enum class Fault {
        none,
        full,     ///< `exhausted`, nothing written
        lost,     ///< `unknown`, nothing written
        applied,  ///< `unknown`, all written
    };
    void fail_next_commit(Fault fault) { fault_ = fault; }

    [[nodiscard]] Result<std::vector<Row>> load(Table table) override;
    [[nodiscard]] Result<std::optional<std::string>> get(Table table,
                                                         std::string_view key) override;
    [[nodiscard]] Result<CommitOutcome> commit(std::span<const Batch> batches) override;
    [[nodiscard]] Result<std::vector<AuditRow>> audit(std::uint64_t from_seq,
                                                      std::size_t limit) override;
    [[nodiscard]] Result<AuditMark> audit_tail() override;
    [[nodiscard]] Result<std::uint64_t> begin_epoch(Timestamp now) override;
    [[nodiscard]] bool fenced() const override { return fenced_; }

private:
    [[nodiscard]] Result<void> ready() const;

    std::shared_ptr<MemoryDisk> disk_;
    CrashPoint crash_point_;
    Fault fault_ = Fault::none;
    bool fenced_ = false;
};

}  // namespace tidegate
