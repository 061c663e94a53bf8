#include "reconciler/fleet/sessions.h"

#include <algorithm>
#include <utility>

namespace tidegate::fleet {
namespace {

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

bool can_prove(const Hello& hello) {
    return std::ranges::find(hello.capabilities, wire::kEpochProofCapability) !=
           hello.capabilities.end();
}

Result<void> send_to(Session& session, const wire::DaemonMessage& message) {
    const auto bytes = TRY(wire::encode(message));
    if (!session.stream.send(wire::frame(bytes)))
        return fail(ErrorCode::exhausted, "the queue to agent {} is full", session.agent);
    return {};
}

}  // namespace

Sessions::Sessions(FleetHandler& handler, Options options, SessionCallbacks callbacks)
    : handler_{handler}, options_{std::move(options)}, callbacks_{std::move(callbacks)} {}

transport::StreamHandlers Sessions::open(const transport::Connection& connection,
                                         const transport::PeerIdentity& identity,
                                         transport::Stream stream) {
    auto session = std::make_shared<Session>();
    session->connection = connection;
    session->stream = stream;
    session->agent = identity.agent;
    session->serial = identity.serial;
    session->not_after = identity.not_after;
    sessions_[connection.id()] = session;
    stream.respond(200);

    const auto id = connection.id();
    transport::StreamHandlers handlers;
    handlers.on_data = [this, id](std::string_view bytes) { receive(id, bytes); };
    handlers.on_end = [this, id] {
        if (const auto found = sessions_.find(id); found != sessions_.end())
            end(SessionPtr{found->second}, "the agent ended the session");
    };
    handlers.on_close = [this, id](const transport::CloseReason& reason) {
        if (const auto found = sessions_.find(id); found != sessions_.end())
            end(SessionPtr{found->second},
                fmt::format("{}: {}", to_string(reason.kind), reason.text));
    };
    return handlers;
}

void Sessions::receive(std::uint64_t connection, std::string_view bytes) {
    const auto found = sessions_.find(connection);
    if (found == sessions_.end()) return;
    const SessionPtr session = found->second;
    session->reader.push(bytes);
    while (!session->ended) {
        auto frame = session->reader.next();
        if (frame && !*frame) return;
        const auto handled = frame ? handle(session, **frame) : Result<void>{fail(frame.error())};
        if (!handled) abort(session, handled.error().message);
    }
}

Result<void> Sessions::handle(const SessionPtr& session, const std::string& frame) {
    auto message = TRY(wire::decode_agent(frame));
    last_seen_[session->agent] = options_.now();
    heard_.insert(session->agent);
    if (auto* hello = std::get_if<Hello>(&message)) return greet(session, std::move(*hello));
    if (!session->hello) return fail(ErrorCode::invalid, "the first message must be Hello");
    if (auto* piece = std::get_if<wire::InventoryPiece>(&message))
        return assemble(*session, std::move(*piece), frame.size());
    return dispatch(session, std::move(message));
}

Result<void> Sessions::greet(const SessionPtr& session, Hello hello) {
    const auto& agent = session->agent;
    if (session->hello) return fail(ErrorCode::invalid, "a second Hello came");
    if (hello.agent != agent)
        return fail(ErrorCode::denied, "Hello names {}, the certificate {}", hello.agent, agent);
    CHECK(check_epoch(hello.highest_epoch));
    if (!alone(session, hello.boot_id)) return {};
    const auto proven = proven_epoch(hello.epoch_proof);
    if (hello.highest_epoch > proven) {
        refuse_claim(session, hello.highest_epoch, can_prove(hello));
        return {};
    }
    claims_.erase(agent);
    drop(agent, "a newer connection of this agent came");
    session->hello = std::move(hello);
    if (proven > options_.epoch) session->hello->highest_epoch = proven;
    current_[agent] = session;
    CHECK(send_to(*session, wire::Welcome{options_.epoch, options_.epoch_proof, true}));
    if (proven > options_.epoch) handler_.on_fenced(agent, proven);
    return {};
}

std::uint64_t Sessions::proven_epoch(const std::optional<EpochProof>& proof) const {
    const bool higher = proof && proof->epoch > options_.epoch &&
                        transport::is_signed_by(
                            options_.ca_pem, wire::epoch_statement(proof->epoch), proof->signature);
    return higher ? proof->epoch : options_.epoch;
}

void Sessions::refuse_claim(const SessionPtr& session, std::uint64_t claimed, bool could_prove) {
    const auto& agent = session->agent;
    const auto text =
        fmt::format("it claims to have seen epoch {}, this daemon's is {}, and {}", claimed,
                    options_.epoch, could_prove ? "cannot prove it" : "is too old to prove it");
    claims_[agent] = claimed;
    callbacks_.on_claim(agent, text, could_prove);
    end(session, text);
}

std::optional<std::uint64_t> Sessions::claimed_epoch(const std::string& agent) const {
    const auto found = claims_.find(agent);
    return found == claims_.end() ? std::nullopt : std::optional{found->second};
}

Result<void> Sessions::check_epoch(std::uint64_t epoch) const {
    const auto now = static_cast<std::uint64_t>(options_.now().time_since_epoch().count());
    const auto ahead = static_cast<std::uint64_t>(Milliseconds{limits::kEpochAheadMax}.count());
    if (epoch <= std::max(now, options_.epoch) + ahead) return {};
    return fail(ErrorCode::invalid, "it claims epoch {}, which no daemon can have reached", epoch);
}

bool Sessions::alone(const SessionPtr& session, const std::string& boot_id) {
    const auto& agent = session->agent;
    const auto boot = boots_.note(agent, boot_id, options_.monotonic());
    if (boot == Boot::many)
        handler_.on_alert(
            agent, fmt::format("it was started {} times within {}: it crashes again "
                               "and again, or somebody else uses its key",
                               limits::kBootIdsUsual, format_duration(limits::kBootIdRemembered)));
    if (boot != Boot::second_holder) return true;
    callbacks_.on_two_holders(agent);
    end(session, "two processes hold this identity");
    return false;
}

Result<void> Sessions::assemble(Session& session, wire::InventoryPiece piece, std::size_t bytes) {
    if (session.ready) return fail(ErrorCode::invalid, "a second inventory came");
    auto& whole = session.inventory;
    append(whole.installations, std::move(piece.items.installations));
    append(whole.running, std::move(piece.items.running));
    append(whole.suspended, std::move(piece.items.suspended));
    append(whole.results, std::move(piece.items.results));
    append(whole.routes, std::move(piece.items.routes));
    session.inventory_bytes += bytes;
    if (session.inventory_bytes > limits::kInventoryBytesMax ||
        whole.installations.size() > limits::kInstallationsPerAgentMax ||
        whole.running.size() > limits::kInstallationsPerAgentMax ||
        whole.suspended.size() > limits::kInstallationsPerAgentMax ||
        whole.results.size() > limits::kInstallationsPerAgentMax ||
        whole.routes.size() > limits::kRoutesPerAgentMax)
        return fail(ErrorCode::exhausted, "the inventory is too long");
    if (!piece.last) return {};
    session.ready = true;
    handler_.on_connected(*session.hello, std::exchange(whole, {}));
    return {};
}

Result<void> Sessions::dispatch(const SessionPtr& session, wire::AgentMessage message) {
    const auto& agent = session->agent;
    if (const auto* beat = std::get_if<wire::Heartbeat>(&message)) {
        if (beat->stopping && session->ready && !std::exchange(session->stopping, true))
            handler_.on_stopping(agent);
        return {};
    }
    if (const auto* renew = std::get_if<wire::Renew>(&message))
        return ask_renewal(session, renew->csr_pem);
    if (const auto* fenced = std::get_if<wire::Fenced>(&message)) {
        return hear_of_epoch(session, *fenced);
    }
    if (!session->ready) return fail(ErrorCode::invalid, "the inventory must come first");
    if (auto* changed = std::get_if<wire::Changed>(&message))
        handler_.on_changed(agent, std::move(changed->installations));
    else if (const auto* update = std::get_if<ActionUpdate>(&message))
        handler_.on_update(agent, *update);
    else if (const auto* result = std::get_if<ActionResult>(&message))
        handler_.on_result(agent, *result);
    else if (const auto* routed = std::get_if<wire::Routed>(&message))
        handler_.on_routed(agent, routed->report);
    return {};
}

Result<void> Sessions::hear_of_epoch(const SessionPtr& session, const wire::Fenced& fenced) {
    CHECK(check_epoch(fenced.highest_epoch));
    const auto proven = proven_epoch(fenced.epoch_proof);
    if (fenced.highest_epoch > proven) {
        refuse_claim(session, fenced.highest_epoch, can_prove(*session->hello));
        return {};
    }
    if (proven == options_.epoch) return {};
    session->hello->highest_epoch = proven;
    handler_.on_fenced(session->agent, proven);
    return {};
}

Result<void> Sessions::ask_renewal(const SessionPtr& session, const std::string& csr_pem) {
    if (session->renewing) return fail(ErrorCode::invalid, "a second Renew came before the answer");
    if (++session->renewals > limits::kRenewalsPerConnectionMax)
        return fail(ErrorCode::exhausted, "too many renewals on one connection");
    session->renewing = true;
    callbacks_.on_renew(session, csr_pem);
    return {};
}

void Sessions::renewed(Session& session, std::string serial, Timestamp not_after,
                       std::string chain_pem) {
    session.renewing = false;
    if (session.ended) return;
    session.serial = std::move(serial);
    session.not_after = not_after;
    // A full queue has cut the connection already; the agent asks again on the next one.
    (void)send_to(session, wire::Certificate{std::move(chain_pem)});
}

void Sessions::abort(const SessionPtr& session, const std::string& why) {
    if (session->ended) return;
    end(session, why);
    callbacks_.on_fault(session->agent, why);
}

void Sessions::end(const SessionPtr& session, const std::string& reason) {
    if (std::exchange(session->ended, true)) return;
    const auto found = current_.find(session->agent);
    if (found != current_.end() && found->second == session) current_.erase(found);
    sessions_.erase(session->connection.id());
    (void)send_to(*session, wire::Bye{reason});
    session->stream.finish();
    session->connection.close(reason);
    if (session->ready) handler_.on_disconnected(session->agent, reason);
}

void Sessions::closed(std::uint64_t connection, const std::string& reason) {
    const auto found = sessions_.find(connection);
    if (found != sessions_.end()) end(SessionPtr{found->second}, reason);
}

void Sessions::drop(const std::string& agent, const std::string& reason) {
    const auto found = current_.find(agent);
    if (found != current_.end()) end(SessionPtr{found->second}, reason);
}

void Sessions::drop_all(const std::string& reason) {
    while (!sessions_.empty()) end(SessionPtr{sessions_.begin()->second}, reason);
}

void Sessions::drop_expired(Timestamp now) {
    std::vector<SessionPtr> expired;
    for (const auto& [id, session] : sessions_)
        if (now >= session->not_after) expired.push_back(session);
    for (const auto& session : expired) end(session, "the agent's certificate has expired");
}

void Sessions::watch(const std::set<std::string>& agents) {
    for (const auto& [agent, session] : current_) {
        const bool wanted = agents.contains(agent);
        if (!session->ready || std::exchange(session->watched, wanted) == wanted) continue;
        const Milliseconds interval = wanted ? limits::kPingInterval : Seconds{0};
        session->connection.watch(interval, limits::kPingsMissedMax * interval);
    }
}

bool Sessions::has_stream(std::uint64_t connection) const { return sessions_.contains(connection); }

bool Sessions::has_greeted(std::uint64_t connection) const {
    const auto found = sessions_.find(connection);
    return found != sessions_.end() && found->second->hello;
}

const Session* Sessions::find(const std::string& agent) const {
    const auto found = current_.find(agent);
    return found != current_.end() && found->second->ready ? found->second.get() : nullptr;
}

Result<void> Sessions::send(const std::string& agent, const wire::DaemonMessage& message) {
    const auto found = current_.find(agent);
    if (found == current_.end() || !found->second->ready)
        return fail(ErrorCode::unavailable, "agent {} is not connected", agent);
    auto& session = *found->second;
    if (std::holds_alternative<wire::Run>(message) && session.stopping)
        return fail(ErrorCode::unavailable, "agent {} is stopping", agent);
    if (std::holds_alternative<wire::Run>(message) && session.hello->highest_epoch > options_.epoch)
        return fail(ErrorCode::denied, "agent {} has seen epoch {}, this daemon's is {}", agent,
                    session.hello->highest_epoch, options_.epoch);
    return send_to(session, message);
}

std::size_t Sessions::ready_count() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(current_, [](const auto& item) { return item.second->ready; }));
}

}  // namespace tidegate::fleet
