#pragma once
/// Weights of one HAProxy backend's servers, by its runtime API.
///
/// Only weights are set, as absolute numbers, and read back; a server without traffic has weight 0.
/// Its state (ready, drain, maint) is never touched, so what a person took into maintenance stays
/// there. Where weights move, they are raised before others are lowered: at no moment is there less
/// than before or after. A host that died must not keep the others from being moved, and nothing
/// moves to where nobody would answer: of the servers that are to get their first weight half must
/// take traffic, or as many as lose all of theirs, and one at least.
///
///     {blue: 75, green: 25} of {blue: 100, green: 0}:
///         set server shop/web-1-green weight 25; set server shop/web-1-blue weight 75
///
/// A reload of HAProxy forgets them. So `show servers state` is written to a file, which its
/// configuration loads: `server-state-file FILE` (global), `load-server-state-from-file global`
/// (defaults). It holds what is set here for as long as the configured weight of the server stays.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/result.h"
#include "schema/base/time.h"

namespace tidegate::agent {

/// What the host's owner allows (agent.yaml: routers); nothing else is reached.
struct RouterRules {
    std::set<std::string> sockets;
    std::set<std::string> backends;
    std::set<std::string> state_files;

    friend bool operator==(const RouterRules&, const RouterRules&) = default;
};

/// What a backend or a server may be called: nothing else reaches the admin socket.
[[nodiscard]] bool is_haproxy_name(std::string_view name);

struct HaproxyBackend {
    std::string socket;
    std::string name;
    std::string state_file;  ///< empty = none is written
};

struct HaproxyServer {
    std::string name;
    int weight = 0;            ///< 0..256
    bool maintenance = false;  ///< or drained: by a person, or its configuration
    bool up = false;           ///< as HAProxy's own checks say; without any it is
    int sessions = 0;          ///< at this moment

    [[nodiscard]] bool takes_traffic() const { return weight > 0 && up && !maintenance; }
};
using Weights = std::map<std::string, int>;  ///< by server

/// Every call blocks, so it runs on a worker; one call per backend at a time.
class Haproxy {
public:
    /// denied: agent.yaml does not list the socket, the backend or the state file. invalid: a name
    /// that is none.
    [[nodiscard]] static Result<Haproxy> open(const RouterRules& rules, HaproxyBackend backend);

    /// unavailable, timeout: it is away. not_found: it has no such backend.
    [[nodiscard]] Result<std::vector<HaproxyServer>> look() const;

    /// Sets the weights and reads them back; those that are in force already are left alone. Other
    /// servers keep theirs; one that is to have 0 need not be there.
    /// Before anything is changed: invalid (a name or a weight that is none), and where too few of
    /// those that are to get their first weight would take traffic: not_found (one is not there),
    /// conflict (it is in maintenance), unavailable (it is down). not_found also where all others
    /// were set. After an error else some weights may be set: the call may be repeated.
    [[nodiscard]] Result<void> set_weights(const Weights& wanted) const;
    /// Keeps them in the state file, where there is one that does not say so already. Without it
    /// they are in force all the same, until HAProxy is reloaded.
    [[nodiscard]] Result<void> keep(const Weights& wanted) const;

    static constexpr Milliseconds kTimeout{5'000};  ///< of one exchange
    static constexpr int kWeightMax = 256;

private:
    explicit Haproxy(HaproxyBackend backend) : backend_{std::move(backend)} {}
    [[nodiscard]] Result<std::string> ask(std::string_view line) const;
    [[nodiscard]] Result<void> check_words(const Weights& wanted) const;
    [[nodiscard]] Result<void> check(const std::vector<HaproxyServer>& there,
                                     const Weights& wanted) const;
    [[nodiscard]] Result<void> fitness(const HaproxyServer* server, const std::string& name) const;
    [[nodiscard]] Result<void> change(const std::vector<HaproxyServer>& there,
                                      const Weights& wanted) const;

    HaproxyBackend backend_;
};

}  // namespace tidegate::agent
