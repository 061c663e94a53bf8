#include "agent/machine/old_records.h"

namespace tidegate::machine {

void read_as_tried(Installation& installation) {
    const bool failed = installation.status == InstallStatus::failed ||
                        installation.status == InstallStatus::unknown;
    if (!failed || !installation.tried_version.empty()) return;
    installation.tried_version = installation.version;
    installation.version = installation.last_good ? installation.last_good->version : "";
    if (installation.version == installation.tried_version && installation.rejected)
        installation.tried_version = installation.rejected->version;
}

}  // namespace tidegate::machine
