#pragma once
/// Who may begin a handshake: bounds for connections that have proven nothing yet. Internal to
/// transport. Values only.
///
///     half-open ──handshake──▶ anonymous (no certificate) ──▶ ended
///                        └───▶ proven (a certificate): not counted here any more
///
/// Half-open ones cost memory and signatures, anonymous ones stay for as long as an enrolment may
/// take. Both are bounded for each source and over all. Sources that held a session lately (the
/// user says which) have a share of their own, so that strangers can fill only theirs. When there
/// is no room a first packet is dropped, which its client sends again; nobody is thrown out.

#include <cstdint>
#include <string>
#include <unordered_map>

#include "transport/server.h"
#include "transport/udp.h"

namespace tidegate::transport {

/// Who pays for a packet: the address, or the network that one customer usually has (/64). An IPv4
/// address in IPv6's clothes counts as what it is.
[[nodiscard]] std::string source_of(const SocketAddress& address);

class Admission {
public:
    explicit Admission(AdmissionLimits limits) : limits_{limits} {}

    /// Is there room for one more half-open connection?
    [[nodiscard]] bool has_room(const std::string& source, bool known) const;
    void begin(std::uint64_t connection, std::string source, bool known);
    /// Its handshake is complete. False: anonymous, and there is no room for one more.
    [[nodiscard]] bool complete(std::uint64_t connection, bool anonymous);
    /// It is over; the same for one that is not counted.
    void end(std::uint64_t connection);

private:
    struct Counts {
        std::size_t half_open = 0;
        std::size_t anonymous = 0;
    };
    struct Entry {
        std::string source;
        bool known = false;
        bool anonymous = false;
    };

    [[nodiscard]] Counts of_source(const std::string& source) const;

    AdmissionLimits limits_;
    Counts strangers_;
    Counts known_;
    std::unordered_map<std::string, Counts> sources_;
    std::unordered_map<std::uint64_t, Entry> entries_;
};

}  // namespace tidegate::transport
