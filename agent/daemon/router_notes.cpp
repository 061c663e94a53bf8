#include "agent/daemon/router_notes.h"

#include <fmt/core.h>

#include <fstream>
#include <set>
#include <utility>

#include "schema/base/utf8.h"

namespace tidegate::agent {

RouterNotes::RouterNotes(std::string file, std::function<void(const std::string&)> notice)
    : file_{std::move(file)}, notice_{std::move(notice)} {
    write();
}

void RouterNotes::set(const Route& route, const StateFinding& finding) {
    auto words = fmt::format("haproxy at {}, backend {}, state file {}", route.socket,
                             route.backend, route.state_file);
    if (!finding.words.empty()) words += ": " + finding.words;
    auto line = one_line(fmt::format("{} {}", to_string(finding.use), words));
    auto& known = lines_[machine::id_of(route)];
    if (known == line) return;
    known = std::move(line);
    write();
    if (finding.use == StateUse::not_loaded)
        notice_(words + "; a reload forgets the weights until the next look");
}

void RouterNotes::drop(const machine::RouteId& id) {
    if (lines_.erase(id) > 0) write();
}

void RouterNotes::write() const {
    std::set<std::string> all;  // routes may share a backend
    for (const auto& [id, line] : lines_) all.insert(line);
    std::ofstream out{file_};
    for (const auto& line : all) out << line << '\n';
}

}  // namespace tidegate::agent
