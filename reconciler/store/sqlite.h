#pragma once
/// SQLite's C handles, wrapped once; private to this folder. Errors carry the file's name.

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace tidegate::sqlite {

/// One run of a statement. Ends its read transaction when it goes out of scope.
/// What is bound is not copied: it must live until then.
class Query {
public:
    template <class... Args>
    explicit Query(sqlite3_stmt* statement, const Args&... args) : statement_{statement} {
        [[maybe_unused]] int index = 0;
        (bind(++index, args), ...);
    }
    ~Query();
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    /// Whether there is a row. Errors: `exhausted` disk full; `unavailable` locked by another
    /// process; `internal` I/O error or damage.
    [[nodiscard]] Result<bool> step();
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;

private:
    void bind(int index, std::string_view text);
    void bind(int index, std::int64_t value);

    sqlite3_stmt* statement_;
    int bound_ = SQLITE_OK;
};

class Statement {
public:
    Statement() = default;
    explicit Statement(sqlite3_stmt* statement) : statement_{statement} {}

    template <class... Args>
    [[nodiscard]] Query query(const Args&... args) {
        return Query{statement_.get(), args...};
    }
    /// For statements without rows.
    template <class... Args>
    [[nodiscard]] Result<void> run(const Args&... args) {
        CHECK(query(args...).step());
        return {};
    }

private:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// `write` creates the file with mode 0600 if it is not there; `read` changes nothing in it.
enum class Access { read, write };

class Database {
public:
    /// Errors of `read`: `not_found` there is no such file.
    [[nodiscard]] static Result<Database> open(const std::filesystem::path& file, Access access);

    [[nodiscard]] Result<void> execute(const char* sql);
    [[nodiscard]] Result<Statement> prepare(std::string_view sql);
    /// The first column of the first row, or empty text.
    [[nodiscard]] Result<std::string> value(std::string_view sql);
    [[nodiscard]] bool in_transaction() const { return !sqlite3_get_autocommit(handle_.get()); }
    /// Its file was moved or removed since it was opened, or another has its place.
    [[nodiscard]] bool is_elsewhere() const;
    /// Closing will not touch the file any more.
    void leave_untouched();

private:
    struct Close {
        void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    };
    explicit Database(sqlite3* handle) : handle_{handle} {}

    std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace tidegate::sqlite
