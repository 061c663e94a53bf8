#pragma once
/// Runs one script body in a process of its own: own session and process group, no inherited
/// descriptors, only the given environment, output captured without ever blocking the script.
///
/// How it ends: exit code 0 = good; what it left running on purpose (a service) stays, and may go
/// on writing to the script's output: what comes later than a second after the end is thrown away.
/// Any other code, a time-out or a cancel: TERM to all that came from the script, up to `grace`,
/// then KILL. A supervisor of its own sees to that, also when the agent is not there any more
/// (supervision.h).

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/drivers/supervision.h"
#include "agent/drivers/user.h"
#include "schema/base/limits.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace tidegate::agent {

struct ProcessSpec {
    std::string interpreter = "/bin/bash";  ///< a path or a name, with arguments after spaces
    std::string body;
    int work_dir = -1;    ///< an open directory, borrowed; -1 = `/`
    std::string tmp_dir;  ///< where the body is written (0700) while it runs
    /// Beside PATH, HOME and LANG, which it may override.
    std::map<std::string, std::string> environment;
    std::vector<std::string> secrets;  ///< values that never appear in the output
    std::optional<ProcessUser> user;   ///< none = as the agent; needs root
    bool no_new_privileges = false;    ///< as in Launch
    std::string closed_folder;         ///< as in SupervisorOrder
    Milliseconds timeout{600'000};
    Milliseconds grace{5'000};
    std::size_t output_bytes_max = limits::kOutputBytesDefault;
    Supervision supervision;
    std::string action;  ///< that it is run for; noted in the register, empty for a mere look
};

struct ProcessResult {
    ProcessEnd end = ProcessEnd::exited;
    int code = 0;                     ///< exit code, or the signal's number
    std::string output;               ///< stdout and stderr, masked, bounded, valid UTF-8
    std::uint64_t dropped_bytes = 0;  ///< printed, but not kept
    bool survivors = false;           ///< something of it could not be killed

    [[nodiscard]] bool ok() const { return end == ProcessEnd::exited && code == 0; }
    /// `exit code 3`, `killed by signal 9`, `timed out after 30s`; empty when ok.
    [[nodiscard]] std::string error(Milliseconds timeout) const;
};

/// Blocks the calling thread until the script has ended. Any thread. An error means that nothing
/// ran.
[[nodiscard]] Result<ProcessResult> run_process(const ProcessSpec& spec,
                                                const std::stop_token& stop);

}  // namespace tidegate::agent
