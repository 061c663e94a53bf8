#include "transport/admission.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tidegate::transport {

std::string source_of(const SocketAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.value.sa.sa_family != AF_INET6) {
        ::inet_ntop(AF_INET, &address.value.in.sin_addr, text.data(), text.size());
        return text.data();
    }
    auto network = address.value.in6.sin6_addr;
    constexpr std::size_t kMappedPrefix = 12;  // RFC 4291 §2.5.5.2
    if (IN6_IS_ADDR_V4MAPPED(&network)) {
        ::inet_ntop(AF_INET, &network.s6_addr[kMappedPrefix], text.data(), text.size());
        return text.data();
    }
    std::fill(std::begin(network.s6_addr) + 8, std::end(network.s6_addr), std::uint8_t{0});
    ::inet_ntop(AF_INET6, &network, text.data(), text.size());
    return fmt::format("{}/64", text.data());
}

Admission::Counts Admission::of_source(const std::string& source) const {
    const auto found = sources_.find(source);
    return found == sources_.end() ? Counts{} : found->second;
}

bool Admission::has_room(const std::string& source, bool known) const {
    const auto& share = known ? known_ : strangers_;
    return share.half_open < limits_.half_open_max &&
           of_source(source).half_open < limits_.half_open_per_source_max;
}

void Admission::begin(std::uint64_t connection, std::string source, bool known) {
    ++(known ? known_ : strangers_).half_open;
    ++sources_[source].half_open;
    entries_.emplace(connection, Entry{std::move(source), known, false});
}

bool Admission::complete(std::uint64_t connection, bool anonymous) {
    const auto found = entries_.find(connection);
    if (found == entries_.end()) return true;
    auto& entry = found->second;
    auto& share = entry.known ? known_ : strangers_;
    auto& source = sources_[entry.source];
    if (!anonymous) {
        end(connection);
        return true;
    }
    if (share.anonymous >= limits_.anonymous_max ||
        source.anonymous >= limits_.anonymous_per_source_max)
        return false;
    entry.anonymous = true;
    for (auto* counts : {&share, &source}) {
        --counts->half_open;
        ++counts->anonymous;
    }
    return true;
}

void Admission::end(std::uint64_t connection) {
    const auto node = entries_.extract(connection);
    if (node.empty()) return;
    const auto& entry = node.mapped();
    const auto source = sources_.find(entry.source);
    for (auto* counts : {&(entry.known ? known_ : strangers_), &source->second})
        --(entry.anonymous ? counts->anonymous : counts->half_open);
    if (source->second.half_open + source->second.anonymous == 0) sources_.erase(source);
}

}  // namespace tidegate::transport
