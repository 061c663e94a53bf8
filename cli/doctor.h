#pragma once
/// `tidegate doctor`: is this installation fit, each check beside what it asks for.

#include "cli/console.h"
#include "schema/base/time.h"

namespace tidegate::cli {

struct DoctorOptions {
    std::string data_dir;  ///< of the daemon, or of an agent
    std::string server;    ///< empty = the address that the daemon wrote to run/http.addr
    std::string store;     ///< as `tidegated --store`
};

enum class Health { good, doubtful, bad };

struct CheckResult {
    std::string name;
    std::string criterion;  ///< what must be so
    Health health = Health::good;
    std::string found;
};

/// kProblem when a check is bad.
int doctor(const Console& console, const DoctorOptions& options, Timestamp now);
[[nodiscard]] std::vector<CheckResult> examine(const DoctorOptions& options, Timestamp now);

}  // namespace tidegate::cli
