#pragma once
/// What holds one route in force on a balancer. A new kind of router is a class behind this, a row
/// in agent/daemon/router_host.cpp, and a word in RouterType.

#include <stop_token>

#include "schema/model/route.h"

namespace tidegate::agent {

/// Every call blocks, so it runs on a worker; one call at a time.
class Router {
public:
    virtual ~Router() = default;
    /// Sets what is not in force, as far as that can be told, and says what is now. To be called
    /// again and again; a stop cuts it short.
    [[nodiscard]] virtual RouteReport hold(const std::stop_token& stop) = 0;
};

/// A report about the route that says nothing yet.
[[nodiscard]] inline RouteReport blank_report(const Route& route) {
    RouteReport report;
    report.key = route.key;
    report.target = route.target;
    report.revision = route.revision;
    return report;
}

}  // namespace tidegate::agent
