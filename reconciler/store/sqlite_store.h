#pragma once
/// The default store: one SQLite file in WAL mode with `synchronous=FULL` (NORMAL may lose
/// acknowledged commits when the power fails).

#include "reconciler/store/store.h"

namespace tidegate {

/// Opens the file, creates it (mode 0600: it holds token hashes) or brings an older format up to
/// date, and runs SQLite's quick check. Errors name the file: not a database, damaged, another
/// program's, of a newer format, not accessible, no space.
[[nodiscard]] Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& file,
                                                               CrashPoint crash_point = {});

/// To look only: nothing is created, brought up to date or checkpointed, and a commit is `denied`.
/// Errors as above, and `not_found` where there is no such file.
[[nodiscard]] Result<std::unique_ptr<Store>> read_sqlite_store(const std::filesystem::path& file);

}  // namespace tidegate
