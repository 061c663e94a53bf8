#pragma once
/// The command line: verbs, flags, help. Private to this folder but for `run`.

#include <ostream>
#include <string>

#include "cli/console.h"

namespace CLI {
class App;
}

namespace tidegate::cli {

/// Parses and does; returns the exit code. `terminal`: `out` is one.
int run(int argc, const char* const* argv, std::ostream& out, std::ostream& err, bool terminal);

/// What the verbs' callbacks share while the line is parsed and done.
struct Session {
    Console console;
    int exit_code = kGood;
};
/// A check of an option's text: what is wrong with one in which nothing is said; else empty.
[[nodiscard]] std::string refuse_blank(const std::string& text);
void add_look_commands(CLI::App& app, Session& session);
void add_change_commands(CLI::App& app, Session& session);
void add_admin_commands(CLI::App& app, Session& session);

}  // namespace tidegate::cli
