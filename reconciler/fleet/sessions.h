#pragma once
/// The open sessions: their messages, who holds which name, and the end of each.
///
///     open ─Hello─▶ greeted ─last Inventory─▶ ready ─▶ ended
///       └──────────────┴── deadline, broken frame, newer connection, revocation ──▶ ended
///
/// Only a ready session is the agent's connection to the handler. A name has at most one greeted
/// session: a newer one ends the older. Of two holders of one certificate (boot_ids.h) neither can
/// be told to be the right one.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "reconciler/fleet/boot_ids.h"
#include "reconciler/fleet/fleet.h"
#include "schema/wire/frame.h"

namespace tidegate::fleet {

struct Session {
    transport::Connection connection;
    transport::Stream stream;
    std::string agent;
    std::string serial;   ///< of the newest certificate that it may go on with
    Timestamp not_after;  ///< of that one
    wire::FrameReader reader;
    std::optional<Hello> hello;
    Inventory inventory;  ///< as far as it has come
    std::size_t inventory_bytes = 0;
    std::size_t renewals = 0;
    bool renewing = false;
    bool ready = false;
    bool stopping = false;
    bool ended = false;
    bool watched = false;
};
using SessionPtr = std::shared_ptr<Session>;

/// What of a session is more than messages; Fleet's part.
struct SessionCallbacks {
    std::function<void(const SessionPtr&, const std::string& csr_pem)> on_renew;
    std::function<void(const std::string& agent)> on_two_holders;
    /// The session is over for a fault of the agent's.
    std::function<void(const std::string& agent, const std::string& text)> on_fault;
    /// It claimed an epoch that it did not prove; `could_prove`: it is new enough to.
    std::function<void(const std::string& agent, const std::string& text, bool could_prove)>
        on_claim;
};

class Sessions {
public:
    struct Options {
        std::uint64_t epoch = 0;
        EpochProof epoch_proof;  ///< of ours
        std::string ca_pem;      ///< whose proofs count
        std::function<Timestamp()> now;
        std::function<Milliseconds()> monotonic;
    };
    /// `handler` must outlive it.
    Sessions(FleetHandler& handler, Options options, SessionCallbacks callbacks);

    /// Takes a session stream of a connection that has none yet; answers 200.
    [[nodiscard]] transport::StreamHandlers open(const transport::Connection& connection,
                                                 const transport::PeerIdentity& identity,
                                                 transport::Stream stream);
    /// The connection is over.
    void closed(std::uint64_t connection, const std::string& reason);
    /// Ends the name's session, if any: Bye, on_disconnected, close.
    void drop(const std::string& agent, const std::string& reason);
    void drop_all(const std::string& reason);
    /// Wants a sign of these agents every kPingInterval, of all others only now and then.
    void watch(const std::set<std::string>& agents);
    /// Ends those whose certificate has expired.
    void drop_expired(Timestamp now);

    [[nodiscard]] bool has_stream(std::uint64_t connection) const;
    [[nodiscard]] bool has_greeted(std::uint64_t connection) const;
    /// The ready session of that name, or null.
    [[nodiscard]] const Session* find(const std::string& agent) const;
    [[nodiscard]] Result<void> send(const std::string& agent, const wire::DaemonMessage& message);
    /// Hands the certificate over that on_renew asked for.
    void renewed(Session& session, std::string serial, Timestamp not_after, std::string chain_pem);
    /// Ends it for a fault of the peer, with an alert.
    void abort(const SessionPtr& session, const std::string& why);
    /// When each name was last heard of, since the start.
    [[nodiscard]] const std::map<std::string, Timestamp>& last_seen() const { return last_seen_; }
    /// Those heard of since it was last taken.
    [[nodiscard]] std::set<std::string> take_heard() { return std::exchange(heard_, {}); }
    [[nodiscard]] std::size_t ready_count() const;
    /// The epoch above ours that the name claimed last, without a proof, if any.
    [[nodiscard]] std::optional<std::uint64_t> claimed_epoch(const std::string& agent) const;
    void forget_claim(const std::string& agent) { claims_.erase(agent); }

private:
    void receive(std::uint64_t connection, std::string_view bytes);
    [[nodiscard]] Result<void> handle(const SessionPtr& session, const std::string& frame);
    [[nodiscard]] Result<void> greet(const SessionPtr& session, Hello hello);
    /// Epochs begin at Unix milliseconds and grow by one a start. One far ahead of the clock and of
    /// ours no daemon can have reached; it would fence this one for good, so who claims it is
    /// broken.
    [[nodiscard]] Result<void> check_epoch(std::uint64_t epoch) const;
    /// The higher one of ours and what the proof, if it is one, proves.
    [[nodiscard]] std::uint64_t proven_epoch(const std::optional<EpochProof>& proof) const;
    /// An agent that has seen a higher epoch obeys nothing from here. Whether another daemon took
    /// over is not for one host to say: without a proof it is this agent that goes.
    void refuse_claim(const SessionPtr& session, std::uint64_t claimed, bool could_prove);
    /// False: the identity has two holders; it is shut out, and the session over.
    [[nodiscard]] bool alone(const SessionPtr& session, const std::string& boot_id);
    [[nodiscard]] Result<void> assemble(Session& session, wire::InventoryPiece piece,
                                        std::size_t bytes);
    [[nodiscard]] Result<void> dispatch(const SessionPtr& session, wire::AgentMessage message);
    [[nodiscard]] Result<void> hear_of_epoch(const SessionPtr& session, const wire::Fenced& fenced);
    [[nodiscard]] Result<void> ask_renewal(const SessionPtr& session, const std::string& csr_pem);
    void end(const SessionPtr& session, const std::string& reason);

    FleetHandler& handler_;
    Options options_;
    SessionCallbacks callbacks_;
    std::map<std::uint64_t, SessionPtr> sessions_;  ///< by connection
    std::map<std::string, SessionPtr> current_;     ///< the greeted one of each name
    BootIds boots_;
    std::map<std::string, std::uint64_t> claims_;  ///< unproven, by agent
    std::map<std::string, Timestamp> last_seen_;
    std::set<std::string> heard_;
};

}  // namespace tidegate::fleet
