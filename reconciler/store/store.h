#pragma once
/// The daemon's memory: releases, the action outbox, quarantine, agents, tokens, epoch and the
/// audit log. One interface, one contract test suite for all backends (tests/unit/store).
///
/// What is in Git is not copied here as truth, so that a lost store can be rebuilt.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "schema/model/store.h"

namespace tidegate {

enum class CommitOutcome {
    committed,  ///< durable: it survives any crash
    unknown,  ///< the answer was lost; the store is fenced. Open it anew and re-read, never assume
};

/// Called at the named points of a commit; a fault test kills the process there.
using CrashPoint = std::function<void(std::string_view)>;
inline constexpr std::string_view kBeforeCommit = "store.before_commit";
inline constexpr std::string_view kAfterCommit = "store.after_commit";

/// Every call blocks, so it runs on the store worker (worker.h), never on the loop. An object
/// serves one thread at a time; several may be open on one database, and each sees whole groups
/// only.
///
///     open ──▶ ready ──(commit unknown, I/O error, file gone)──▶ fenced ──▶ (open anew)
///
/// A fenced store refuses everything with `unavailable`: after a failed fsync the kernel may have
/// dropped the data and a second try may lie (PostgreSQL, "PANIC on fsync failure"), so the daemon
/// has to stop and start from what is really on the disk. A full disk does not fence: nothing was
/// written, the error is `exhausted`, and the same commit may succeed once there is space.
class Store {
public:
    virtual ~Store() = default;

    /// All rows of a table, sorted by key (bytewise).
    [[nodiscard]] virtual Result<std::vector<Row>> load(Table table) = 0;
    /// A row's body, or nothing.
    [[nodiscard]] virtual Result<std::optional<std::string>> get(Table table,
                                                                 std::string_view key) = 0;
    /// One durable transaction for all the batches, in their order: all of them or none, and their
    /// audit entries with them, chained to the ones before. An error says that nothing was written.
    [[nodiscard]] virtual Result<CommitOutcome> commit(std::span<const Batch> batches) = 0;
    /// Audit rows from `from_seq` on, at most `limit` and `limits::kAuditPageRowsMax`.
    [[nodiscard]] virtual Result<std::vector<AuditRow>> audit(std::uint64_t from_seq,
                                                              std::size_t limit) = 0;
    [[nodiscard]] virtual Result<AuditMark> audit_tail() = 0;
    /// The fencing number for this start, durable before it returns: Unix milliseconds in a fresh
    /// store, so that a store that replaces a lost one is ahead of it; else one more than the last.
    [[nodiscard]] virtual Result<std::uint64_t> begin_epoch(Timestamp now) = 0;
    [[nodiscard]] virtual bool fenced() const = 0;
};

/// Opens what `url` names: `sqlite:PATH`, `memory:` (gone with the process), or, if it is empty,
/// `store.sqlite` in `data_dir`. Errors name the file; they never show the URL, which may hold a
/// password.
[[nodiscard]] Result<std::unique_ptr<Store>> make_store(std::string_view url,
                                                        const std::filesystem::path& data_dir,
                                                        CrashPoint crash_point = {});

/// Opens the store that `url` names, if it is there, to look only: the file stays as it is.
/// Errors: `not_found` (also `memory:`, which is gone with its process), `invalid`.
[[nodiscard]] Result<std::unique_ptr<Store>> read_store(std::string_view url,
                                                        const std::filesystem::path& data_dir);

/// Whether a store would take the batch: sizes within limits.h, keys not empty, not the epoch's.
[[nodiscard]] Result<void> check_batch(const Batch& batch);

/// About what a batch takes, in memory and in the store.
[[nodiscard]] std::size_t bytes_of(const Batch& batch);

/// Reads the whole log page by page and verifies its chain; returns its end.
[[nodiscard]] Result<AuditMark> verify_audit(Store& store);

/// For backends: the epoch that follows the stored one.
[[nodiscard]] Result<std::uint64_t> next_epoch(const std::optional<std::string>& stored,
                                               Timestamp now);
inline constexpr std::string_view kEpochKey = "epoch";

}  // namespace tidegate
