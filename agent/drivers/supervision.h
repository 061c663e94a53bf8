#pragma once
/// What an agent and the supervisor of one script agree on.
///
///     agent ──starts──▶ supervisor ──starts──▶ script ─▶ whatever it starts
///       │   control       │  reaper of them all, in a cgroup of their own where that may be
///       └──output─────────┴──── both hold the reading end: no writer meets a closed pipe
///
/// The supervisor outlives the agent. It enforces the time-out. A script that fails, is timed out
/// or is cancelled takes with it all that it started; after a good one the supervisor stays, and
/// reads what nobody reads any more, for as long as somebody may write.
///
/// Messages on the control socket, one packet each. Up: `begins`, `started PID START_TIME` or
/// `failed WHY`, later `ended END CODE SURVIVORS`. Down: any byte = cancel; closed = the agent
/// reads no more.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/drivers/user.h"
#include "schema/base/enum_names.h"
#include "schema/base/time.h"
#include "schema/files/file_descriptor.h"

namespace tidegate::agent {

/// The one argument of the program that supervises (it must call supervise() first of all).
inline constexpr const char* kSuperviseArgument = "--supervise";

/// Who supervises, and where that is noted down; the same for all scripts of one agent.
struct Supervision {
    std::string program;  ///< started with kSuperviseArgument
    std::string run_dir;  ///< of the register (run_register.h); empty = nothing is noted down
    std::string cgroup;   ///< below which scripts get theirs; empty = none
};

/// The descriptors a supervisor is started with.
struct SupervisorDescriptors {
    static constexpr int control = 0;
    static constexpr int null = 1;  ///< and 2
    static constexpr int order = 3;
    static constexpr int output_read = 4;
    static constexpr int output_write = 5;
    static constexpr int entry = 6;     ///< its locked entry of the register
    static constexpr int work_dir = 7;  ///< or the null device
};

/// What it is to do; travels in a file without a name, for the environment may hold secrets.
struct SupervisorOrder {
    std::vector<std::string> command;      ///< its last word is the script's file
    std::vector<std::string> environment;  ///< NAME=value
    bool has_work_dir = false;
    std::optional<ProcessUser> user;  ///< its ids are enough
    bool no_new_privileges = false;   ///< as in Launch
    std::string closed_folder;        ///< kept from it (landlock.h); empty = none
    Milliseconds timeout{0};
    Milliseconds grace{0};
    std::string name;    ///< of the run: the marker
    std::string entry;   ///< path in the register; empty = none
    std::string cgroup;  ///< as in Supervision
};

/// An open file with the order in it.
[[nodiscard]] Result<FileDescriptor> write_order(const SupervisorOrder& order);
[[nodiscard]] Result<SupervisorOrder> read_order(int file);

enum class ProcessEnd { exited, signalled, timed_out, cancelled };
constexpr auto enum_names(ProcessEnd) {
    return std::array{"exited"sv, "signalled"sv, "timed_out"sv, "cancelled"sv};
}

}  // namespace tidegate::agent
