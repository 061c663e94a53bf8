#include "reconciler/fleet/routes.h"

#include <array>
#include <optional>

#include "schema/wire/names.h"

namespace tidegate::fleet {
namespace {

bool is_nothing(std::string_view text) { return text.empty(); }
bool is_sha256(std::string_view text) {
    return text.size() == 64 &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

struct Row {
    std::string_view method;
    std::string_view path;  ///< what stands before the parameter
    Role role;
    Endpoint endpoint;
    bool (*is_parameter)(std::string_view);
};
constexpr std::array kTable{
    Row{"POST", "/v1/enroll", Role::anonymous, Endpoint::enroll, is_nothing},
    Row{"POST", "/v1/session", Role::agent, Endpoint::session, is_nothing},
    Row{"POST", "/v1/logs/", Role::agent, Endpoint::logs, wire::is_id},
    Row{"GET", "/v1/artifacts/", Role::agent, Endpoint::artifacts, is_sha256},
};

}  // namespace

std::variant<EndpointRoute, Refusal> find_route(Role role, std::string_view method,
                                                std::string_view path) {
    for (const auto& row : kTable) {
        if (!path.starts_with(row.path)) continue;
        const auto parameter = path.substr(row.path.size());
        if (!row.is_parameter(parameter)) continue;
        if (method != row.method) return Refusal{405};
        if (role != row.role) return Refusal{403};
        return EndpointRoute{row.endpoint, std::string{parameter}};
    }
    return Refusal{404};
}

}  // namespace tidegate::fleet
