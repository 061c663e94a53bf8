#pragma once
/// Routes through HAProxy (haproxy.h): weights are read back at each look, and set where they are
/// others. What a person or a reload did to them is undone within a look.

#include <memory>

#include "agent/routers/haproxy.h"
#include "agent/routers/router.h"

namespace tidegate::agent {

[[nodiscard]] std::unique_ptr<Router> make_haproxy_router(RouterRules rules, Route route);

}  // namespace tidegate::agent
