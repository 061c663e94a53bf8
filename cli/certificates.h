#pragma once
/// doctor's look at certificates. The daemon's own are read from `pki/` in its data dir; it makes
/// the server's anew when it starts and half of its life is over, the CA's never. Agents renew
/// theirs at two thirds of its life.

#include <nlohmann/json_fwd.hpp>

#include "cli/doctor.h"

namespace tidegate::cli {

/// `info`, `agents`: what the daemon answers to these admin verbs; null where none answers.
[[nodiscard]] CheckResult check_certificates(const std::string& data_dir,
                                             const nlohmann::json& info,
                                             const nlohmann::json& agents, Timestamp now);

}  // namespace tidegate::cli
