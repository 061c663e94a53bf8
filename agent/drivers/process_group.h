#pragma once
/// All processes that come from one script, also those that left its process group: each carries
/// the script's marker in its environment. Reads /proc; Linux only.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "schema/base/time.h"

namespace tidegate::agent {

/// Name of the environment variable that carries the marker.
inline constexpr const char* kMarkerVariable = "TIDEGATE_RUN";

/// Knows a script's processes again, also after a restart of the agent and when pids were reused.
struct ProcessId {
    pid_t pid = 0;                 ///< of the interpreter; also its process group and session
    std::uint64_t start_time = 0;  ///< field 22 of /proc/PID/stat: clock ticks since boot
    std::string marker;            ///< value of TIDEGATE_RUN, unique per run
};

/// Clock ticks since boot at which the process started; 0 if there is none.
[[nodiscard]] std::uint64_t process_start_time(pid_t pid);

/// Living processes (zombies do not count) of the run, in no particular order.
[[nodiscard]] std::vector<pid_t> living_members(const ProcessId& id);

/// Living processes with NAME=value in the environment they were started with.
[[nodiscard]] std::vector<pid_t> living_with_variable(const std::string& name,
                                                      const std::string& value);

/// Sends one signal to all of them; false if there was none left.
bool signal_members(const ProcessId& id, int signal);

/// For what a former agent process left running: TERM, up to `grace`, then KILL. Blocks. False if
/// something survived even that.
bool end_leftover(const ProcessId& id, Milliseconds grace);

}  // namespace tidegate::agent
