#pragma once
/// Who may ask for what: the only table. Everything that is not in it is refused.

#include <string>
#include <string_view>
#include <variant>

namespace tidegate::fleet {

enum class Role {
    anonymous,  ///< no client certificate; a token comes with the request
    agent,      ///< a certificate that passed the handshake
};
enum class Endpoint { enroll, session, logs, artifacts };

struct EndpointRoute {
    Endpoint endpoint{};
    std::string parameter;  ///< logs: action id; artifacts: SHA-256 in hexadecimal

    friend bool operator==(const EndpointRoute&, const EndpointRoute&) = default;
};
/// 404 no such path; 405 not by that method; 403 not in that role.
struct Refusal {
    int status = 0;

    friend bool operator==(const Refusal&, const Refusal&) = default;
};

/// `path` as it came. It is compared, not decoded: a query, an escape or a doubled slash is just
/// another path, which does not exist.
[[nodiscard]] std::variant<EndpointRoute, Refusal> find_route(Role role, std::string_view method,
                                                              std::string_view path);

}  // namespace tidegate::fleet
