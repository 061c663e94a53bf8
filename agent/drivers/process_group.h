#pragma once
/// All processes that come from one script, also those that left its process group. Reads /proc;
/// Linux only.
///
/// A supervisor knows them as its descendants. Where it was killed itself they are known by the
/// group and session, by the script's marker in the environment, as children of one that is known,
/// and by their cgroup if they have one.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "schema/base/time.h"

namespace tidegate::agent {

/// Name of the environment variable that carries the marker.
inline constexpr const char* kMarkerVariable = "TIDEGATE_RUN";
/// Those of a service: which installation's, and which agent's of this host.
inline constexpr const char* kServiceVariable = "TIDEGATE_SERVICE";
inline constexpr const char* kAgentVariable = "TIDEGATE_AGENT";

/// Knows a script's processes again, also after a restart of the agent and when pids were reused.
struct ProcessId {
    pid_t pid = 0;                 ///< of the interpreter; also its process group and session
    std::uint64_t start_time = 0;  ///< field 22 of /proc/PID/stat: clock ticks since boot
    std::string marker;            ///< value of TIDEGATE_RUN, unique per run
};

/// Clock ticks since boot at which the process started; 0 if there is none.
[[nodiscard]] std::uint64_t process_start_time(pid_t pid);

/// The processes of one run while it is ended: who was seen once is known after its parent's death.
class RunMembers {
public:
    explicit RunMembers(ProcessId id) : id_{std::move(id)} {}

    /// Those that live now (zombies do not count), in no particular order.
    [[nodiscard]] std::vector<pid_t> look();
    /// Sends one signal to all of them; false if there was none left.
    bool signal(int signal);

private:
    ProcessId id_;
    std::map<pid_t, std::uint64_t> seen_;  ///< with start times
};

/// Living processes that `service.start` of this agent left of an installation. Those that an agent
/// of before started name no agent: they count as this one's.
[[nodiscard]] std::vector<pid_t> living_of_service(const std::string& installation,
                                                   const std::string& agent);

/// All that came from that process and lives, itself excepted. With it as their reaper
/// (PR_SET_CHILD_SUBREAPER) nothing can leave that.
[[nodiscard]] std::vector<pid_t> living_descendants(pid_t ancestor);

/// For what nobody answers for any more: TERM, up to `grace`, then KILL; also in the run's cgroup
/// below `cgroup` (empty: it had none). Blocks. False if something survived even that.
bool end_leftover(const ProcessId& id, const std::string& cgroup, Milliseconds grace);

}  // namespace tidegate::agent
