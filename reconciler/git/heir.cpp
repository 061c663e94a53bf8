#include "reconciler/git/heir.h"

#include <fcntl.h>
#include <stdio.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

namespace tidegate::git {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kAnewInterval{std::chrono::hours{1}};
constexpr std::chrono::milliseconds kTriedAgainAfter{std::chrono::minutes{5}};

/// In a repository: from when on it may be made anew, in milliseconds.
fs::path note_in(const std::string& directory) {
    return fs::path{directory} / "tidegate-not-anew-before";
}

bool note(const std::string& directory, Timestamp from) {
    std::ofstream file{note_in(directory)};
    file << from.time_since_epoch().count() << '\n';
    file.close();
    return !file.fail();
}

std::optional<Timestamp> free_from(const std::string& directory) {
    std::int64_t milliseconds = 0;
    std::ifstream in{note_in(directory)};
    if (!(in >> milliseconds)) return std::nullopt;
    return Timestamp{Milliseconds{milliseconds}};
}

/// At no time is nothing there, where the file system can do that.
void swap(const std::string& directory, const std::string& heir, std::error_code& error) {
    if (::renameat2(AT_FDCWD, heir.c_str(), AT_FDCWD, directory.c_str(), RENAME_EXCHANGE) == 0)
        return;
    const auto between = heir + ".old";
    fs::remove_all(between, error);
    if (!error) fs::rename(directory, between, error);
    if (!error) fs::rename(heir, directory, error);
    if (!error) fs::rename(between, heir, error);
}

}  // namespace

std::string heir_of(const std::string& directory) { return directory + ".new"; }

void remove_heir(const std::string& directory) {
    std::error_code ignored;
    // Without the copy itself, what is beside it may be all there is of it.
    if (fs::exists(directory, ignored)) fs::remove_all(heir_of(directory), ignored);
}

Result<void> clear_heir(const std::string& directory) {
    std::error_code error;
    fs::remove_all(heir_of(directory), error);
    if (!error) fs::create_directories(heir_of(directory), error);
    if (!error) fs::create_directories(directory, error);  // its place, where all of it is gone
    if (error)
        return fail(ErrorCode::unavailable, "cannot make {}: {}", heir_of(directory),
                    error.message());
    return {};
}

Result<void> may_be_made_anew(const std::string& directory, Timestamp now) {
    const auto from = free_from(directory);
    if (!from || now >= *from || *from - now > kAnewInterval) return {};
    return fail(ErrorCode::conflict, "it was made anew, and is not again before {}",
                format_rfc3339(*from));
}

void note_given_up(const std::string& directory, Timestamp now) {
    static_cast<void>(note(directory, now + kTriedAgainAfter));
}

Result<void> inherit(const std::string& directory, bool keeps, Timestamp now) {
    const auto heir = heir_of(directory);
    if (!note(heir, now + kAnewInterval))
        return fail(ErrorCode::unavailable, "cannot write into {}", heir);
    const auto damaged = directory + ".damaged";
    std::error_code error;
    if (keeps) fs::remove_all(damaged, error);  // may be long: what is kept has a name at once
    swap(directory, heir, error);
    if (error)
        return fail(ErrorCode::unavailable, "cannot put {} into its place: {}", heir,
                    error.message());
    if (keeps) fs::rename(heir, damaged, error);
    if (!keeps) fs::remove_all(heir, error);
    return {};
}

}  // namespace tidegate::git
