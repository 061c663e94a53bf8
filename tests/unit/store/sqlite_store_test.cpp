#include "reconciler/store/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/mount.h>

#include <fstream>

#include "tests/unit/store/backends.h"

namespace tidegate {
namespace {

using testing::HasSubstr;

/// What somebody with the file and a SQLite shell can do.
int edit(const std::filesystem::path& file, const char* sql) {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
    const int code = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
    sqlite3_close(database);
    return code;
}

class SqliteStoreTest : public testing::Test {
protected:
    std::unique_ptr<Store> open() { return open_sqlite_store(file_).value(); }
    void fill(int batches) {
        const auto store = open();
        for (int i = 1; i <= batches; ++i)
            ASSERT_TRUE(store->commit(std::vector{batch_for(fmt::format("r{}", i))}).has_value());
    }

    TemporaryDirectory directory_;
    std::filesystem::path file_ = directory_.path() / "store.sqlite";
};

TEST_F(SqliteStoreTest, OnlyTheOwnerMayReadTheFile) {
    fill(1);
    const auto mode = std::filesystem::status(file_).permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(SqliteStoreTest, EveryCommitIsSyncedBeforeItIsAcknowledged) {
    const auto store = open();
    for (int i = 0; i < 5; ++i) {
        const int before = disk_faults().syncs;
        ASSERT_TRUE(store->commit(std::vector{batch_for("k", std::to_string(i))}).has_value());
        EXPECT_GT(disk_faults().syncs, before);
    }
}

/// By somebody who tidies up, or puts a backup in its place: what is written then, no start finds.
TEST_F(SqliteStoreTest, AFileThatLeavesItsPlaceTakesNothingMore) {
    const std::filesystem::path other = file_.string() + ".other";
    for (const bool replaced : {false, true}) {
        fill(1);
        const auto store = open();
        if (replaced) std::filesystem::copy_file(file_, other);
        std::filesystem::rename(replaced ? other : file_, replaced ? file_ : other);
        const auto written = store->commit(std::vector{batch_for("late")});
        ASSERT_FALSE(written) << replaced;
        EXPECT_THAT(written.error().message, HasSubstr("moved, removed or replaced"));
        EXPECT_TRUE(store->fenced());
        if (!replaced) std::filesystem::rename(other, file_);
    }
}

TEST_F(SqliteStoreTest, TheAuditLogIsAppendOnly) {
    fill(3);
    EXPECT_EQ(edit(file_, "UPDATE audit SET actor = 'mallory' WHERE seq = 2"), SQLITE_CONSTRAINT);
    EXPECT_EQ(edit(file_, "DELETE FROM audit WHERE seq = 3"), SQLITE_CONSTRAINT);
    EXPECT_EQ(verify_audit(*open()).value().seq, 3u);
}

struct SqlTamperCase {
    const char* name;
    const char* sql;
    const char* message;
};
class SqliteTamperTest : public SqliteStoreTest,
                         public testing::WithParamInterface<SqlTamperCase> {};
TEST_P(SqliteTamperTest, IsFoundWithItsSeq) {
    fill(5);
    ASSERT_EQ(edit(file_, "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete"), SQLITE_OK);
    ASSERT_EQ(edit(file_, GetParam().sql), SQLITE_OK);
    const auto verified = verify_audit(*open());
    ASSERT_FALSE(verified.has_value());
    EXPECT_THAT(verified.error().message, HasSubstr(GetParam().message));
}
INSTANTIATE_TEST_SUITE_P(
    Edits, SqliteTamperTest,
    testing::Values(SqlTamperCase{"actor", "UPDATE audit SET actor = 'mallory' WHERE seq = 3",
                                  "row 3 was changed"},
                    SqlTamperCase{"commit", "UPDATE audit SET commit_id = '' WHERE seq = 4",
                                  "row 4 was changed"},
                    SqlTamperCase{"removed", "DELETE FROM audit WHERE seq = 2", "row 2 is missing"},
                    SqlTamperCase{"hash", "UPDATE audit SET hash = 'x' WHERE seq = 5",
                                  "audit row 5: a SHA-256"},
                    SqlTamperCase{"previous", "UPDATE audit SET previous = '' WHERE seq = 2",
                                  "row 2 does not"}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST_F(SqliteStoreTest, ACutTailShowsOnlyAgainstAMarkKeptElsewhere) {
    fill(5);
    const auto kept = open()->audit_tail().value();
    ASSERT_EQ(edit(file_, "DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE seq = 5"),
              SQLITE_OK);
    const auto store = open();
    EXPECT_TRUE(verify_audit(*store).has_value());
    EXPECT_NE(store->audit_tail().value(), kept);
}

struct OpenCase {
    const char* name;
    std::function<void(const std::filesystem::path&)> prepare;
    ErrorCode code;
    const char* message;
};
class SqliteOpenTest : public SqliteStoreTest, public testing::WithParamInterface<OpenCase> {};
TEST_P(SqliteOpenTest, FailsWithTheFilesName) {
    GetParam().prepare(file_);
    const auto store = open_sqlite_store(file_);
    disk_faults() = {};
    ASSERT_FALSE(store.has_value());
    EXPECT_EQ(store.error().code, GetParam().code) << store.error().text();
    EXPECT_THAT(store.error().message, HasSubstr(file_.string()));
    EXPECT_THAT(store.error().message, HasSubstr(GetParam().message));
}
void overwrite_page(const std::filesystem::path& file, int page) {
    std::fstream stream{file, std::ios::in | std::ios::out | std::ios::binary};
    stream.seekp(4096 * (page - 1));
    stream << std::string(4096, '\x5a');
}
INSTANTIATE_TEST_SUITE_P(
    Files, SqliteOpenTest,
    testing::Values(
        OpenCase{"text", [](const auto& file) { std::ofstream{file} << std::string(5'000, 'x'); },
                 ErrorCode::invalid, "file is not a database"},
        OpenCase{"newer",
                 [](const auto& file) {
                     ASSERT_TRUE(open_sqlite_store(file).has_value());
                     ASSERT_EQ(edit(file, "PRAGMA user_version = 99"), SQLITE_OK);
                 },
                 ErrorCode::invalid, "store format 99, this build knows up to 1"},
        OpenCase{
            "foreign",
            [](const auto& file) { ASSERT_EQ(edit(file, "CREATE TABLE mine (a)"), SQLITE_OK); },
            ErrorCode::invalid, "another program's database"},
        OpenCase{"damaged",
                 [](const auto& file) {
                     ASSERT_TRUE(open_sqlite_store(file).has_value());
                     overwrite_page(file, 2);
                 },
                 ErrorCode::internal, "damaged"},
        OpenCase{"directory", [](const auto& file) { std::filesystem::create_directory(file); },
                 ErrorCode::unavailable, "open"},
        OpenCase{"nowhere", [](const auto& file) { std::filesystem::remove(file.parent_path()); },
                 ErrorCode::unavailable, "No such file or directory"},
        OpenCase{"disk_full", [](const auto&) { disk_faults().full = true; }, ErrorCode::exhausted,
                 "full"}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST_F(SqliteStoreTest, AForeignDatabaseIsLeftAsItWas) {
    ASSERT_EQ(edit(file_, "CREATE TABLE mine (a); PRAGMA user_version = 7"), SQLITE_OK);
    const auto size = std::filesystem::file_size(file_);
    EXPECT_FALSE(open_sqlite_store(file_).has_value());
    EXPECT_EQ(std::filesystem::file_size(file_), size);
    EXPECT_EQ(edit(file_, "INSERT INTO mine VALUES (1)"), SQLITE_OK);
}

TEST_F(SqliteStoreTest, AReaderChangesNothing) {
    const auto text_of = [](const std::filesystem::path& file) {
        std::ifstream in{file, std::ios::binary};
        return std::string{std::istreambuf_iterator<char>{in}, {}};
    };
    const auto log = file_.string() + "-wal";
    const auto owner = open();
    ASSERT_TRUE(owner->commit(std::vector{batch_for("r1")}).has_value());
    const auto before = text_of(file_), log_before = text_of(log);
    ASSERT_FALSE(log_before.empty());
    {
        const auto reader = read_sqlite_store(file_).value();
        EXPECT_EQ(verify_audit(*reader).value().seq, 1u);
        const auto refused = reader->commit(std::vector{batch_for("r2")});
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().code, ErrorCode::denied);
    }
    EXPECT_EQ(text_of(file_), before);
    EXPECT_EQ(text_of(log), log_before);
}

TEST_F(SqliteStoreTest, AReaderTakesOnlyWhatItsBuildKnows) {
    const auto missing = read_sqlite_store(file_);
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code, ErrorCode::not_found);
    std::ofstream{file_};
    const auto empty = read_sqlite_store(file_);
    ASSERT_FALSE(empty.has_value());
    EXPECT_THAT(empty.error().message, HasSubstr("format 0, this build reads 1"));
}

TEST_F(SqliteStoreTest, AnEpochWhoseSyncFailedIsNotHandedOut) {
    const auto store = open();
    disk_faults().sync_fails = true;
    const auto epoch = store->begin_epoch(Timestamp{Milliseconds{1'000}});
    disk_faults() = {};
    ASSERT_FALSE(epoch.has_value());
    EXPECT_EQ(epoch.error().code, ErrorCode::unavailable);
    EXPECT_TRUE(store->fenced());
}

/// A file system of 512 KiB where the user may mount one; else one that is full when told so.
class SmallDisk {
public:
    explicit SmallDisk(std::filesystem::path at) : at_{std::move(at)} {
        mounted_ = ::mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=512k") == 0;
        if (mounted_) std::ofstream{at_ / "ballast"} << std::string(128 << 10, 'b');
    }
    ~SmallDisk() {
        free();
        if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    void after_commit(int number) { disk_faults().full = !mounted_ && number >= 20; }
    void free() {
        disk_faults() = {};
        if (mounted_) std::filesystem::remove(at_ / "ballast");
    }

private:
    std::filesystem::path at_;
    bool mounted_ = false;
};

TEST_F(SqliteStoreTest, FillsASmallDiskWithoutLosingWhatItAcknowledged) {
    SmallDisk disk{directory_.path()};
    const auto store = open();
    int committed = 0;
    auto outcome = Result<CommitOutcome>{CommitOutcome::committed};
    for (; outcome && committed < 1'000; ++committed) {
        outcome = store->commit(
            std::vector{batch_for(fmt::format("r{:04}", committed), std::string(8'000, 'x'))});
        disk.after_commit(committed);
    }
    --committed;
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().code, ErrorCode::exhausted) << outcome.error().text();
    EXPECT_THAT(outcome.error().message, HasSubstr(file_.string()));
    EXPECT_EQ(store->load(Table::release).value().size(), static_cast<std::size_t>(committed));
    disk.free();
    EXPECT_TRUE(store->commit(std::vector{batch_for("after")}).has_value());
    EXPECT_EQ(verify_audit(*open()).value().seq, static_cast<std::uint64_t>(committed) + 1);
}

struct UrlCase {
    const char* url;
    const char* file;     ///< made in the data directory; empty: none
    const char* message;  ///< nullptr: accepted
};
class MakeStoreTest : public testing::TestWithParam<UrlCase> {};
TEST_P(MakeStoreTest, OpensWhatTheUrlNames) {
    const TemporaryDirectory directory;
    std::string url{GetParam().url};
    if (const auto at = url.find("DIR"); at != std::string::npos)
        url.replace(at, 3, directory.path().string());
    const auto store = make_store(url, directory.path());
    ASSERT_EQ(store.has_value(), GetParam().message == nullptr);
    if (!store) {
        EXPECT_THAT(store.error().message, HasSubstr(GetParam().message));
        EXPECT_THAT(store.error().message, testing::Not(HasSubstr("hunter2")));
    }
    const std::string_view file{GetParam().file};
    EXPECT_EQ(file.empty(), std::filesystem::is_empty(directory.path()));
    EXPECT_TRUE(std::filesystem::exists(directory.path() / file));
}
INSTANTIATE_TEST_SUITE_P(
    Urls, MakeStoreTest,
    testing::Values(UrlCase{"", "store.sqlite", nullptr}, UrlCase{"memory:", "", nullptr},
                    UrlCase{"sqlite:DIR/other.db", "other.db", nullptr},
                    UrlCase{"sqlite:", "", "must be sqlite:PATH or memory:"},
                    UrlCase{"mysql://tide:hunter2@db/x", "", "got scheme 'mysql'"},
                    UrlCase{"store.sqlite", "", "must be sqlite:PATH or memory:"}));

}  // namespace
}  // namespace tidegate
