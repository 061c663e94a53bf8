#pragma once
/// Deploys by the project's own scripts. Scripts run in WORK_DIR and get all variables and
/// WORK_DIR APP_NAME APP_VERSION CURRENT_VERSION ROLLBACK_VERSION ARTIFACT_URL BACKUP_DIR APP_ENV
/// KEEP_DATA SLOT as environment.

#include <memory>

#include "agent/drivers/driver.h"

namespace tidegate::agent {

[[nodiscard]] std::unique_ptr<Driver> make_script_driver(DriverContext context);

}  // namespace tidegate::agent
