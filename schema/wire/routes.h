#pragma once
/// Routes and what is said of them, to protobuf and back; for this folder alone.

#include "schema/wire/messages.h"
#include "schema/wire/tidegate.pb.h"

namespace tidegate::wire {

void write(const Route& from, v1::Route& to);
void write(const RouteReport& from, v1::RouteReport& to);

[[nodiscard]] Result<SetRoute> read(const v1::SetRoute& from);
[[nodiscard]] Result<RouteReport> read(const v1::RouteReport& from);

}  // namespace tidegate::wire
