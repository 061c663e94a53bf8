#pragma once
/// Whom a request may be for. A page of a foreign site can have its own name point to this server
/// (DNS rebinding) and then read what is shown here through its visitor's browser; but the browser
/// says in `Host` which name it asked for. Internal to this folder.

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::status {

/// Immutable, so any thread may ask. IP addresses and `localhost` are always allowed: no foreign
/// site can be named like that.
class HostNames {
public:
    explicit HostNames(const std::vector<std::string>& names);

    /// `host`: the field's value, with or without a port. An empty one is allowed: browsers always
    /// say it, so whoever leaves it out is none.
    [[nodiscard]] bool allow(std::string_view host) const;

private:
    std::set<std::string> names_;  ///< in lower case, without a final dot
};

/// What this machine calls itself, whole and up to the first dot.
[[nodiscard]] std::vector<std::string> own_host_names();

}  // namespace tidegate::status
