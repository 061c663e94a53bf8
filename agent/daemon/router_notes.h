#pragma once
/// What an operator should know of the balancers beside the routes' reports: whether a reload will
/// forget the weights. It goes to the agent's log, and into the data dir for `tidegate doctor`.

#include <functional>
#include <map>
#include <string>

#include "agent/machine/routes.h"
#include "agent/routers/state_use.h"

namespace tidegate::agent {

/// One thread.
class RouterNotes {
public:
    /// Begins with none. `file`: one line each, `USE WORDS`.
    RouterNotes(std::string file, std::function<void(const std::string&)> notice);

    void set(const Route& route, const StateFinding& finding);
    void drop(const machine::RouteId& id);

private:
    void write() const;

    std::string file_;
    std::function<void(const std::string&)> notice_;
    std::map<machine::RouteId, std::string> lines_;
};

}  // namespace tidegate::agent
