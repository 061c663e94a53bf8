#include "reconciler/store/sqlite.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tidegate::sqlite {
namespace {

constexpr int kBusyTimeoutMs = 5'000;

ErrorCode code_of(int code) {
    switch (code & 0xff) {
        case SQLITE_FULL:
        case SQLITE_NOMEM:
            return ErrorCode::exhausted;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_CANTOPEN:
            return ErrorCode::unavailable;
        case SQLITE_NOTADB:
            return ErrorCode::invalid;
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH:
            return ErrorCode::denied;
        default:
            return ErrorCode::internal;
    }
}

tl::unexpected<Error> last_error(sqlite3* handle, int code) {
    const char* file = sqlite3_db_filename(handle, "main");
    const int system = sqlite3_system_errno(handle);
    const bool disk = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    return fail(code_of(code), "{}: {}{}{}", file != nullptr ? file : "store",
                sqlite3_errmsg(handle), disk && system != 0 ? ": " : "",
                disk && system != 0 ? std::strerror(system) : "");
}

/// Only where it is not there: closing a descriptor of an open database would drop its locks.
Result<void> create(const std::filesystem::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0 && errno != EEXIST)
        return fail(errno == EACCES ? ErrorCode::denied : ErrorCode::unavailable,
                    "{}: cannot create the store: {}", file.string(), std::strerror(errno));
    if (descriptor >= 0) ::close(descriptor);
    return {};
}

}  // namespace

Query::~Query() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

Result<bool> Query::step() {
    const int code = bound_ == SQLITE_OK ? sqlite3_step(statement_) : bound_;
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return last_error(sqlite3_db_handle(statement_), code);
}

std::string Query::text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }

void Query::bind(int index, std::string_view text) {
    const char* bytes = text.data() != nullptr ? text.data() : "";  // a null pointer would be NULL
    const int code =
        sqlite3_bind_text64(statement_, index, bytes, text.size(), SQLITE_STATIC, SQLITE_UTF8);
    if (code != SQLITE_OK) bound_ = code;
}

void Query::bind(int index, std::int64_t value) {
    const int code = sqlite3_bind_int64(statement_, index, value);
    if (code != SQLITE_OK) bound_ = code;
}

Result<Database> Database::open(const std::filesystem::path& file, Access access) {
    std::error_code unreadable;
    if (access == Access::write)
        CHECK(create(file));
    else if (!std::filesystem::exists(file, unreadable) && !unreadable)
        return fail(ErrorCode::not_found, "{}: there is no such store", file.string());
    const int mode = access == Access::write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    constexpr int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(file.c_str(), &handle, mode | flags, nullptr);
    Database database{handle};
    if (code != SQLITE_OK)
        return fail(code_of(code), "{}: cannot open the store: {}", file.string(),
                    sqlite3_errstr(code));
    sqlite3_busy_timeout(handle, kBusyTimeoutMs);
    return database;
}

Result<void> Database::execute(const char* sql) {
    const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return last_error(handle_.get(), code);
    return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return last_error(handle_.get(), code);
    return Statement{statement};
}

Result<std::string> Database::value(std::string_view sql) {
    auto statement = TRY(prepare(sql));
    auto query = statement.query();
    return TRY(query.step()) ? query.text(0) : std::string{};
}

bool Database::is_elsewhere() const {
    int moved = 0;
    return sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
               SQLITE_OK &&
           moved != 0;
}

void Database::leave_untouched() {
    sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

}  // namespace tidegate::sqlite
