#pragma once
/// Looks for backups in a process of its own, which is killed when it does not answer: on a mount
/// whose server is away, opening and reading a folder blocks for as long as that lasts.
///
/// The process is a program started anew, for of an agent with threads a mere fork may do next to
/// nothing. It acts as the scripts' user for good.

#include <optional>
#include <string>
#include <vector>

#include "agent/drivers/backups.h"
#include "schema/base/time.h"

namespace tidegate::agent {

/// The one argument of that program, which then has to end with answer_backup_look().
inline constexpr const char* kBackupLookArgument = "--look-for-backups";
inline constexpr Milliseconds kBackupLookTimeout{5'000};

/// As find_backups, with the rights of the rules' owner. Nullopt: nobody looked, or there was no
/// answer in time. Blocks; any thread.
[[nodiscard]] std::optional<std::vector<Backup>> look_for_backups(const BackupRules& rules,
                                                                  const std::string& program);

/// The whole of that process; to be called before the program starts threads or opens anything.
/// Returns the exit code.
[[nodiscard]] int answer_backup_look();

}  // namespace tidegate::agent
