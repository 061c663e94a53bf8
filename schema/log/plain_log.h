#pragma once
/// The log of a program, on standard error: UTC time, level, text; one line for each message,
/// whatever is in it. Text of others (agents, commits, remotes, scripts) may stand in any message,
/// so the line is cleaned here, in one place, and not where it is made up.

#include <string>

namespace tidegate {

enum class LogColour { never, on_a_terminal };

/// Replaces the process's log. Before other threads log; any of them may afterwards.
void set_up_log(const std::string& name, LogColour colour);

}  // namespace tidegate
