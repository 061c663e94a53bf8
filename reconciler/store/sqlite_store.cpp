#include "reconciler/store/sqlite_store.h"

#include <algorithm>
#include <array>

#include "reconciler/store/sqlite.h"
#include "schema/base/limits.h"

namespace tidegate {
namespace {

constexpr std::int64_t kApplicationId = 0x54696465;  // "Tide"

/// Entry i brings format i to i + 1. Never edit one that was released; add one.
constexpr std::array kMigrations{R"sql(
CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
                     PRIMARY KEY (kind, key)) STRICT;
CREATE TABLE audit (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL,
                    kind TEXT NOT NULL, subject TEXT NOT NULL, commit_id TEXT NOT NULL,
                    detail TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
)sql"};

Result<Digest> digest_from(const std::string& hex, std::uint64_t seq) {
    if (hex.empty()) return Digest{};
    auto digest = Digest::from_hex(hex);
    if (!digest) return fail(std::move(digest.error()).within(fmt::format("audit row {}", seq)));
    return digest;
}

Result<AuditRow> audit_row_from(const sqlite::Query& query) {
    AuditRow row;
    row.seq = static_cast<std::uint64_t>(query.integer(0));
    row.entry.at = Timestamp{Milliseconds{query.integer(1)}};
    row.entry.actor = query.text(2);
    row.entry.kind = query.text(3);
    row.entry.subject = query.text(4);
    row.entry.commit = query.text(5);
    row.entry.detail = query.text(6);
    row.previous = TRY(digest_from(query.text(7), row.seq));
    row.hash = TRY(digest_from(query.text(8), row.seq));
    return row;
}

/// Of a store of ours, 0 where the file is empty; refuses what is another's or of a newer build.
Result<std::size_t> format_of(sqlite::Database& database, const std::string& file) {
    const auto owner = TRY(database.value("PRAGMA application_id"));
    const auto tables = TRY(database.value("SELECT count(*) FROM sqlite_schema"));
    if (owner != fmt::format("{}", kApplicationId) && (owner != "0" || tables != "0"))
        return fail(ErrorCode::invalid, "{}: is another program's database", file);
    const auto format = std::stoul(TRY(database.value("PRAGMA user_version")));
    if (format > kMigrations.size())
        return fail(ErrorCode::invalid,
                    "{}: has store format {}, this build knows up to {}: run a newer tidegated",
                    file, format, kMigrations.size());
    return format;
}

/// Refuses what is not ours before anything is changed; then brings the format up to date.
Result<void> migrate(sqlite::Database& database, const std::string& file) {
    CHECK(database.execute("BEGIN IMMEDIATE"));
    const auto format = TRY(format_of(database, file));
    for (auto next = format; next < kMigrations.size(); ++next)
        CHECK(database.execute(kMigrations[next]));
    if (format < kMigrations.size())
        CHECK(database.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                           kApplicationId, kMigrations.size())
                                   .c_str()));
    return database.execute("COMMIT");
}

Result<void> check_undamaged(sqlite::Database& database, const std::string& file) {
    if (const auto damage = TRY(database.value("PRAGMA quick_check(1)")); damage != "ok")
        return fail(ErrorCode::internal, "{}: the store is damaged: {}", file, damage);
    return {};
}

/// The checkpoint copies what an earlier process wrote to the log into the file and syncs it: after
/// a failed fsync, what we read back could so far be in the kernel's cache only. (SQLite 3.40
/// answers "locked" to a checkpoint if the quick check ran before the switch to WAL; hence the
/// order.)
Result<void> prepare_file(sqlite::Database& database, const std::string& file) {
    CHECK(database.execute("PRAGMA trusted_schema = OFF"));
    CHECK(migrate(database, file));
    if (const auto mode = TRY(database.value("PRAGMA journal_mode = WAL")); mode != "wal")
        return fail(ErrorCode::invalid, "{}: the file system must support WAL, got mode {}", file,
                    mode);
    CHECK(database.execute("PRAGMA synchronous = FULL"));
    CHECK(check_undamaged(database, file));
    return database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
}

/// The same questions, and nothing is changed.
Result<void> check_file(sqlite::Database& database, const std::string& file) {
    CHECK(database.execute("PRAGMA trusted_schema = OFF"));
    if (const auto format = TRY(format_of(database, file)); format != kMigrations.size())
        return fail(ErrorCode::invalid, "{}: has store format {}, this build reads {}", file,
                    format, kMigrations.size());
    return check_undamaged(database, file);
}

class SqliteStore final : public Store {
public:
    SqliteStore(sqlite::Database database, CrashPoint crash_point)
        : database_{std::move(database)}, crash_point_{std::move(crash_point)} {}

    [[nodiscard]] Result<void> prepare_statements();

    [[nodiscard]] Result<std::vector<Row>> load(Table table) override;
    [[nodiscard]] Result<std::optional<std::string>> get(Table table,
                                                         std::string_view key) override;
    [[nodiscard]] Result<CommitOutcome> commit(std::span<const Batch> batches) override;
    [[nodiscard]] Result<std::vector<AuditRow>> audit(std::uint64_t from_seq,
                                                      std::size_t limit) override;
    [[nodiscard]] Result<AuditMark> audit_tail() override;
    [[nodiscard]] Result<std::uint64_t> begin_epoch(Timestamp now) override;
    [[nodiscard]] bool fenced() const override { return fenced_by_.has_value(); }

private:
    using Work = std::function<Result<void>()>;

    [[nodiscard]] Result<CommitOutcome> transact(const Work& work);
    [[nodiscard]] tl::unexpected<Error> abandon(Error error);
    void fence(const Error& error);
    [[nodiscard]] Result<void> ready() const;
    [[nodiscard]] Result<void> check_place();
    [[nodiscard]] Result<void> write(const Batch& batch);
    [[nodiscard]] Result<void> append(const std::vector<AuditEntry>& entries);
    void reach(std::string_view point) const {
        if (crash_point_) crash_point_(point);
    }

    sqlite::Database database_;
    CrashPoint crash_point_;
    std::optional<std::string> fenced_by_;
    sqlite::Statement begin_, commit_, rollback_, put_, erase_, get_, load_, append_, audit_, tail_;
};

Result<CommitOutcome> SqliteStore::commit(std::span<const Batch> batches) {
    for (const auto& batch : batches) CHECK(check_batch(batch));
    return transact([&]() -> Result<void> {
        for (const auto& batch : batches) CHECK(write(batch));
        return {};
    });
}

Result<CommitOutcome> SqliteStore::transact(const Work& work) {
    CHECK(ready());
    CHECK(check_place());
    CHECK(begin_.run());
    if (auto done = work(); !done) return abandon(std::move(done).error());
    reach(kBeforeCommit);
    if (auto done = commit_.run(); !done) {
        // A full disk kept the commit record from being written; any other failure may have come
        // after it.
        if (done.error().code != ErrorCode::internal) return abandon(std::move(done).error());
        fence(done.error());
        return CommitOutcome::unknown;
    }
    reach(kAfterCommit);
    return CommitOutcome::committed;
}

/// SQLite may have rolled back by itself already.
tl::unexpected<Error> SqliteStore::abandon(Error error) {
    const bool undone = !database_.in_transaction() || rollback_.run().has_value();
    if (!undone || error.code == ErrorCode::internal) fence(error);
    return fail(std::move(error));
}

void SqliteStore::fence(const Error& error) {
    fenced_by_ = error.message;
    database_.leave_untouched();
}

Result<void> SqliteStore::ready() const {
    if (fenced_by_)
        return fail(ErrorCode::unavailable, "store is fenced until it is opened anew, after: {}",
                    *fenced_by_);
    return {};
}

/// No start would find what is written now.
Result<void> SqliteStore::check_place() {
    if (!database_.is_elsewhere()) return {};
    fence({ErrorCode::unavailable, "its file was moved, removed or replaced", {}});
    return ready();
}

Result<void> SqliteStore::write(const Batch& batch) {
    for (const auto& one : batch.writes) {
        if (const auto* put = std::get_if<Put>(&one))
            CHECK(put_.run(to_string(put->table), put->key, put->body));
        else if (const auto* erase = std::get_if<Erase>(&one))
            CHECK(erase_.run(to_string(erase->table), erase->key));
    }
    return append(batch.audit);
}

Result<void> SqliteStore::append(const std::vector<AuditEntry>& entries) {
    if (entries.empty()) return {};
    auto mark = TRY(audit_tail());
    for (const auto& entry : entries) {
        const auto row = next_audit_row(mark, entry);
        CHECK(append_.run(static_cast<std::int64_t>(row.seq), entry.at.time_since_epoch().count(),
                          entry.actor, entry.kind, entry.subject, entry.commit, entry.detail,
                          row.previous.hex(), row.hash.hex()));
        mark = {row.seq, row.hash};
    }
    return {};
}

Result<std::uint64_t> SqliteStore::begin_epoch(Timestamp now) {
    std::uint64_t epoch = 0;
    const auto outcome = TRY(transact([&]() -> Result<void> {
        epoch = TRY(next_epoch(TRY(get(Table::meta, kEpochKey)), now));
        return put_.run(to_string(Table::meta), kEpochKey, std::to_string(epoch));
    }));
    if (outcome == CommitOutcome::unknown) CHECK(ready());
    return epoch;
}

Result<std::vector<Row>> SqliteStore::load(Table table) {
    CHECK(ready());
    std::vector<Row> rows;
    auto query = load_.query(to_string(table));
    while (TRY(query.step())) rows.push_back({table, query.text(0), query.text(1)});
    return rows;
}

Result<std::optional<std::string>> SqliteStore::get(Table table, std::string_view key) {
    CHECK(ready());
    auto query = get_.query(to_string(table), key);
    if (!TRY(query.step())) return std::nullopt;
    return query.text(0);
}

Result<std::vector<AuditRow>> SqliteStore::audit(std::uint64_t from_seq, std::size_t limit) {
    CHECK(ready());
    std::vector<AuditRow> rows;
    auto query =
        audit_.query(static_cast<std::int64_t>(from_seq),
                     static_cast<std::int64_t>(std::min(limit, limits::kAuditPageRowsMax)));
    while (TRY(query.step())) rows.push_back(TRY(audit_row_from(query)));
    return rows;
}

Result<AuditMark> SqliteStore::audit_tail() {
    CHECK(ready());
    auto query = tail_.query();
    if (!TRY(query.step())) return AuditMark{};
    const auto seq = static_cast<std::uint64_t>(query.integer(0));
    const auto digest = TRY(digest_from(query.text(1), seq));
    return AuditMark{seq, digest};
}

Result<void> SqliteStore::prepare_statements() {
    begin_ = TRY(database_.prepare("BEGIN IMMEDIATE"));
    commit_ = TRY(database_.prepare("COMMIT"));
    rollback_ = TRY(database_.prepare("ROLLBACK"));
    put_ =
        TRY(database_.prepare("INSERT INTO record VALUES (?1, ?2, ?3) "
                              "ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body"));
    erase_ = TRY(database_.prepare("DELETE FROM record WHERE kind = ?1 AND key = ?2"));
    get_ = TRY(database_.prepare("SELECT body FROM record WHERE kind = ?1 AND key = ?2"));
    load_ = TRY(database_.prepare("SELECT key, body FROM record WHERE kind = ?1 ORDER BY key"));
    append_ =
        TRY(database_.prepare("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
    audit_ = TRY(database_.prepare("SELECT * FROM audit WHERE seq >= ?1 ORDER BY seq LIMIT ?2"));
    tail_ = TRY(database_.prepare("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"));
    return {};
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& file,
                                                 CrashPoint crash_point) {
    auto database = TRY(sqlite::Database::open(file, sqlite::Access::write));
    CHECK(prepare_file(database, file.string()));
    auto store = std::make_unique<SqliteStore>(std::move(database), std::move(crash_point));
    CHECK(store->prepare_statements());
    return store;
}

Result<std::unique_ptr<Store>> read_sqlite_store(const std::filesystem::path& file) {
    auto database = TRY(sqlite::Database::open(file, sqlite::Access::read));
    CHECK(check_file(database, file.string()));
    auto store = std::make_unique<SqliteStore>(std::move(database), CrashPoint{});
    CHECK(store->prepare_statements());
    return store;
}

}  // namespace tidegate
