#include "reconciler/status/hosts.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>

namespace tidegate::status {
namespace {

std::string normal(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    std::string text{name};
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    return text;
}

bool is_address(int family, std::string_view text) {
    std::array<unsigned char, sizeof(in6_addr)> ignored{};
    return ::inet_pton(family, std::string{text}.c_str(), ignored.data()) == 1;
}

/// `[::1]`, `[fe80::1%eth0]`, with or without a port behind it.
bool is_bracketed_address(std::string_view host) {
    const auto end = host.find(']');
    if (!host.starts_with('[') || end == std::string_view::npos) return false;
    const auto after = host.substr(end + 1);
    const auto inside = host.substr(1, end - 1);
    return (after.empty() || after.starts_with(':')) &&
           is_address(AF_INET6, inside.substr(0, inside.find('%')));
}

}  // namespace

HostNames::HostNames(const std::vector<std::string>& names) : names_{"localhost"} {
    for (const auto& name : names) names_.insert(normal(name));
    names_.erase("");
}

bool HostNames::allow(std::string_view host) const {
    if (host.empty() || is_bracketed_address(host)) return true;
    const auto name = host.substr(0, host.find(':'));
    return is_address(AF_INET, name) || names_.contains(normal(name));
}

std::vector<std::string> own_host_names() {
    std::array<char, HOST_NAME_MAX + 1> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return {};
    const std::string whole{name.data()};
    return {whole, whole.substr(0, whole.find('.'))};
}

}  // namespace tidegate::status
