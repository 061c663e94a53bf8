#pragma once
/// Asks the running daemon through `run/admin.sock` in its data dir: one JSON object per line each
/// way (reconciler/daemon/admin.h).

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "schema/base/result.h"

namespace tidegate::cli {

/// The `result` of the answer. Blocks, at most kAdminAnswerTimeout. Errors: unavailable (no daemon
/// listens there), timeout, else what the daemon said.
[[nodiscard]] Result<nlohmann::json> ask_daemon(const std::filesystem::path& data_dir,
                                                const std::string& verb,
                                                const nlohmann::json& arguments);

/// Who runs this, for the audit log: the login name.
[[nodiscard]] std::string local_actor();

}  // namespace tidegate::cli
