#include <algorithm>
#include <cctype>

#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

/// What goes into commands on the admin socket; of `${NAME}` the agent sees to the value.
bool is_haproxy_name(std::string_view text) {
    const auto is_free = [](char byte) {
        return std::isalnum(static_cast<unsigned char>(byte)) != 0 ||
               std::string_view{"_.:-${}"}.find(byte) != std::string_view::npos;
    };
    return !text.empty() && std::ranges::all_of(text, is_free);
}

constexpr Text kHaproxyName{"a name of A-Z a-z 0-9 _ . : - (and ${…})", is_haproxy_name,
                            "^[A-Za-z0-9_.:${}-]+$"};

void read_header(Place place, HeaderMatch& out) {
    Fields fields{place};
    fields.required("name", out.name, kNotEmpty);
    fields.required("value", out.value, kLine);
    fields.finish();
}

void read_haproxy(Fields& fields, Traffic& out) {
    fields.required("socket", out.socket, kAbsolutePath);
    fields.required("backend", out.backend, kHaproxyName);
    fields.optional("server", out.server, kHaproxyName);
    fields.optional("server_before", out.server_before, kHaproxyName);
    fields.optional("drain_timeout", out.drain_timeout);
    fields.optional("state_file", out.state_file, kAbsolutePath);
}

void read_script(Fields& fields, Traffic& out) {
    fields.required("route_script", out.route_script, kBody);
    fields.optional("timeout", out.timeout, Duration{});
}

void read_router(Fields& fields, RouterType router, Traffic& out) {
    const ListOf targets{Plain{}, 1, limits::kRouterTargetsMax};
    switch (router) {
        case RouterType::haproxy:
            fields.required("targets", out.targets, targets);
            return fields.checked_required<Nothing>(
                "config", Object{[&](Fields& keys) { read_haproxy(keys, out); }});
        case RouterType::script:
            fields.required("targets", out.targets, targets);
            return fields.checked_required<Nothing>(
                "config", Object{[&](Fields& keys) { read_script(keys, out); }});
        case RouterType::nginx:
        case RouterType::istio:
        case RouterType::lambda:
            break;
    }
    fields.optional("targets", out.targets, targets);
    fields.checked<Value>("config");
}

void read_traffic(Place place, Traffic& out) {
    Fields fields{place};
    fields.choose("router", out.router, true,
                  [&](Fields& chosen, RouterType router) { read_router(chosen, router, out); });
    fields.optional("header", out.header, read_header);
    fields.finish();
    out.position = place.position();
}

}  // namespace

/// Before checks 3 it was kept as written, and never acted on.
void read(Place place, Traffic& out) { CheckedSince{Checks::third, read_traffic}(place, out); }

}  // namespace tidegate::config
