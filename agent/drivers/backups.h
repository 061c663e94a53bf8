#pragma once
/// What a project's scripts put into BACKUP_DIR, as far as it belongs to this installation.
///
/// Of a BACKUP_DIR below WORK_DIR: its entries, and in place of a folder APP_NAME the entries of
/// that one. Of any other, which others may use too: the entries of its folder APP_NAME alone.
///
/// Nothing is opened that lies below none of the host's work dirs. An entry is a file or a folder;
/// links are not followed. Hidden ones, those whose name is no printable UTF-8, and those whose
/// path is too long are not shown.

#include <string>
#include <vector>

#include "agent/drivers/work_dir.h"
#include "schema/model/agent.h"

namespace tidegate::agent {

struct BackupRules {
    std::string backup_dir;  ///< wanted; absolute
    std::string app_name;
    WorkDirRules work_dir;  ///< WORK_DIR's own
};

/// Newest first; at most limits::kBackupsMax out of limits::kBackupEntriesReadMax of each folder.
/// Empty where there is nothing, or nothing that the caller may look at. May block for ever
/// (backup_look.h knows better).
[[nodiscard]] std::vector<Backup> find_backups(const BackupRules& rules);

}  // namespace tidegate::agent
