#include "reconciler/fleet/fleet.h"

#include <algorithm>
#include <asio/steady_timer.hpp>
#include <set>

#include "reconciler/fleet/known_sources.h"
#include "reconciler/fleet/links.h"
#include "reconciler/fleet/registry.h"
#include "reconciler/fleet/routes.h"
#include "reconciler/fleet/sessions.h"
#include "schema/base/digest.h"
#include "schema/base/once_a_minute.h"
#include "schema/wire/token.h"
#include "transport/key_files.h"

namespace tidegate {
namespace {

using namespace fleet;
using transport::Connection;
using transport::Stream;
using transport::StreamHandlers;

constexpr std::string_view kBearer = "Bearer ";
constexpr std::chrono::seconds kTick{1};

Timestamp system_now() {
    return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
}

Milliseconds steady_now() {
    return std::chrono::duration_cast<Milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
}

int status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid:
            return 400;
        case ErrorCode::denied:
            return 403;
        case ErrorCode::conflict:
            return 409;
        default:
            return 503;
    }
}

void answer(Stream& stream, int status, const std::string& text) {
    stream.respond(status, {{"content-type", "text/plain; charset=utf-8"}});
    stream.send(text);
    stream.finish();
}

}  // namespace

class Fleet::Impl : public transport::ServerHandler, public std::enable_shared_from_this<Impl> {
public:
    Impl(asio::io_context& io, FleetOptions options, FleetHandler& handler, Registry registry,
         EpochProof proof)
        : options_{std::move(options)},
          handler_{handler},
          registry_{std::move(registry)},
          sessions_{handler,
                    {options_.epoch, std::move(proof), options_.pki.ca.certificate_pem,
                     options_.now, options_.monotonic},
                    session_callbacks()},
          timer_{io} {}

    Result<void> start(asio::io_context& io) {
        transport::ServerOptions server;
        server.host = options_.host;
        server.port = options_.port;
        server.daemon = options_.pki.server;
        server.ca_pem = options_.pki.ca.certificate_pem;
        server.reset_secret = options_.pki.reset_secret;
        server.admission = options_.admission;
        recall_sources();
        server_ = TRY(transport::Server::start(io, std::move(server), *this));
        tick();
        return {};
    }

    // transport::ServerHandler

    bool certificate_ok(const transport::PeerIdentity& identity) override {
        const bool ok = registry_.allows(identity.agent, identity.serial);
        if (!ok) ++refused_;
        return ok;
    }

    bool is_known(const std::string& source) override {
        return sources_.contains(source, options_.monotonic());
    }

    void on_connected(const Connection& connection) override {
        auto displaced =
            links_.add(connection, std::chrono::steady_clock::now() + options_.hello_timeout,
                       [this](std::uint64_t id) { return sessions_.has_greeted(id); });
        if (!displaced) return;
        ++refused_;
        displaced->close("too many connections of this agent");
    }

    StreamHandlers on_request(const Connection& connection, const transport::Request& request,
                              Stream stream) override {
        const auto identity = connection.identity();
        const auto found =
            find_route(identity ? Role::agent : Role::anonymous, request.method, request.path);
        if (const auto* refusal = std::get_if<Refusal>(&found)) {
            ++refused_;
            stream.refuse(refusal->status);
            return {};
        }
        const auto& route = std::get<EndpointRoute>(found);
        switch (route.endpoint) {
            case Endpoint::enroll:
                return take_enrolment(request, connection.source(), stream);
            case Endpoint::session:
                if (sessions_.has_stream(connection.id())) break;
                return sessions_.open(connection, *identity, stream);
            case Endpoint::logs:
                if (!sessions_.has_greeted(connection.id())) break;
                return take_log(connection.id(), identity->agent, route.parameter, stream);
            case Endpoint::artifacts:
                answer(stream, 404, "this daemon keeps no artifacts; agents fetch them by URL\n");
                return {};
        }
        ++refused_;
        stream.refuse(409);
        return {};
    }

    void on_disconnected(const Connection& connection,
                         const transport::CloseReason& reason) override {
        links_.remove(connection.id());
        sessions_.closed(connection.id(),
                         fmt::format("{}: {}", to_string(reason.kind), reason.text));
    }

    // Fleet

    Result<void> send(const std::string& agent, const wire::DaemonMessage& message) {
        return sessions_.send(agent, message);
    }

    void create_token(const TokenOptions& options, std::function<void(Result<std::string>)> done) {
        const wire::Token token{options.agent, to_hex(transport::random_secret()),
                                options_.pki.ca_fingerprint};
        auto change = registry_.add_token(
            token, {options.agent, options.ttl, options.replace, options.actor}, options_.now());
        if (!change) return done(fail(change.error()));
        persist(*std::move(change), [text = token.text(), done](Impl&, Result<void> durable) {
            if (!durable) return done(fail(durable.error()));
            done(text);
        });
    }

    void revoke(const std::string& agent, const std::string& actor, const std::string& reason,
                std::function<void(Result<void>)> done) {
        auto change = registry_.revoke({agent, actor, reason}, options_.now());
        // What could not be stored stays revoked until the next start: the safe side.
        change.undo = [] {};
        cut(agent, "the agent was revoked");
        sessions_.forget_claim(agent);
        handler_.on_revoked(agent);
        persist(std::move(change), [done](Impl&, Result<void> durable) { done(durable); });
    }

    std::vector<AgentInfo> agents() const {
        std::set<std::string> names;
        for (const auto& [name, record] : registry_.agents()) names.insert(name);
        for (const auto& [name, at] : sessions_.last_seen()) names.insert(name);
        std::vector<AgentInfo> all;
        for (const auto& name : names) all.push_back(describe(name));
        return all;
    }

    std::size_t count_enrolled(const std::function<bool(const std::string&)>& counts) const {
        return static_cast<std::size_t>(std::ranges::count_if(
            registry_.agents(),
            [&](const auto& item) { return !item.second.revoked_at && counts(item.first); }));
    }

    bool knows(const std::string& agent) const {
        return registry_.knows(agent) || sessions_.last_seen().contains(agent);
    }

    std::optional<Timestamp> last_seen(const std::string& agent) const {
        const auto seen = sessions_.last_seen().find(agent);
        if (seen == sessions_.last_seen().end()) return std::nullopt;
        return seen->second;
    }

    void watch(const std::set<std::string>& agents) { sessions_.watch(agents); }

    void drop(const std::string& agent, const std::string& reason) {
        sessions_.drop(agent, reason);
    }

    void shutdown(std::string_view reason) {
        timer_.cancel();
        sessions_.drop_all(std::string{reason});
        server_->shutdown(reason);
    }

    std::string local_address() const { return server_->local_address(); }

    FleetStats stats() const {
        return {sessions_.ready_count(), enrolled_, renewed_,
                enrolments_refused_,     refused_,  server_->stats()};
    }

private:
    using Persisted = std::function<void(Impl&, Result<void>)>;

    SessionCallbacks session_callbacks() {
        return {[this](const SessionPtr& session, const std::string& csr) { renew(session, csr); },
                [this](const std::string& agent) { shut_out(agent); },
                [this](const std::string& agent, const std::string& text) {
                    ++refused_;
                    alert("session/" + agent, agent, "session ended: " + text);
                },
                [this](const std::string& agent, const std::string& text, bool could_prove) {
                    ++refused_;
                    could_prove ? alert("epoch/" + agent, agent, text)
                                : notice("epoch/" + agent, agent, text);
                }};
    }

    /// After the store's answer, if this object is still there.
    void persist(Change change, Persisted then) {
        handler_.persist(std::move(change.batch), [weak = weak_from_this(), undo = change.undo,
                                                   then = std::move(then)](Result<void> durable) {
            const auto self = weak.lock();
            if (!self) return;
            if (!durable) undo();
            then(*self, std::move(durable));
        });
    }

    // Enrolment: collect the request, check the token, sign, persist, answer.

    StreamHandlers take_enrolment(const transport::Request& request, const std::string& source,
                                  Stream stream) {
        const auto body = std::make_shared<std::string>();
        const auto authorization =
            std::string{transport::find_header(request.headers, "authorization")};
        StreamHandlers handlers;
        handlers.on_data = [this, body, stream](std::string_view bytes) mutable {
            if (body->size() > limits::kEnrollBodyBytesMax) return;
            body->append(bytes);
            if (body->size() <= limits::kEnrollBodyBytesMax) return;
            ++refused_;
            stream.refuse(413);
        };
        handlers.on_end = [this, body, stream, authorization, source]() mutable {
            if (body->size() > limits::kEnrollBodyBytesMax) return;
            if (auto enrolled = enroll({authorization, *body, source}, stream); !enrolled)
                refuse_enrolment(stream, enrolled.error());
        };
        return handlers;
    }

    struct Enrolment {
        std::string authorization;
        std::string csr_pem;
        std::string source;
    };

    Result<void> enroll(const Enrolment& asked, Stream stream) {
        const std::string_view authorization = asked.authorization;
        if (!authorization.starts_with(kBearer))
            return fail(ErrorCode::denied, "enrolment needs `Authorization: Bearer <token>`");
        const auto token = TRY(wire::parse_token(authorization.substr(kBearer.size())));
        const auto now = options_.now();
        const auto request = Digest::of(asked.csr_pem);
        if (auto good = registry_.check_token(token, request, now); !good) {
            alert("enrolment/" + asked.source, token.agent,
                  fmt::format("enrolment from {} refused: {}", asked.source, good.error().message));
            return good;
        }
        const auto chain = TRY(transport::sign_agent(options_.pki.ca, asked.csr_pem, token.agent,
                                                     {now, options_.certificate_lifetime}));
        const auto info = TRY(transport::read_certificate(chain));
        persist(registry_.enroll(token, request, info, now),
                [stream, chain, agent = token.agent](Impl& self, Result<void> durable) mutable {
                    if (!durable) return self.refuse_enrolment(stream, durable.error());
                    ++self.enrolled_;
                    self.cut(agent, "the agent was enrolled anew");
                    answer(stream, 200, chain);
                });
        return {};
    }

    void refuse_enrolment(Stream& stream, const Error& error) {
        const int status = status_of(error.code);
        ++refused_;
        if (status < 500) ++enrolments_refused_;
        answer(stream, status, error.message + "\n");
    }

    /// Once a minute for each subject, however often the peer provokes it.
    void alert(const std::string& subject, const std::string& agent, const std::string& text) {
        if (const auto unsaid = said_.say(subject, options_.monotonic()))
            handler_.on_alert(agent, text + and_unsaid(*unsaid));
    }
    void notice(const std::string& subject, const std::string& agent, const std::string& text) {
        if (const auto unsaid = said_.say(subject, options_.monotonic()))
            handler_.on_notice(agent, text + and_unsaid(*unsaid));
    }

    // Renewal and revocation.

    void renew(const SessionPtr& session, const std::string& csr_pem) {
        const auto now = options_.now();
        auto chain = transport::sign_agent(options_.pki.ca, csr_pem, session->agent,
                                           {now, options_.certificate_lifetime});
        if (!chain) return sessions_.abort(session, chain.error().message);
        auto info = transport::read_certificate(*chain);
        if (!info) return sessions_.abort(session, info.error().message);
        auto change = registry_.renew(session->agent, session->serial, *info, now);
        if (!change) return sessions_.abort(session, change.error().message);
        persist(*std::move(change),
                [session, chain = *chain, info = *info](Impl& self, Result<void> durable) {
                    session->renewing = false;
                    if (!durable) return;  // the agent asks again
                    ++self.renewed_;
                    self.sessions_.renewed(*session, info.serial, info.not_after, chain);
                });
    }

    void shut_out(const std::string& agent) {
        handler_.on_alert(agent,
                          "two processes hold this identity; both are shut out until the "
                          "agent is enrolled anew");
        revoke(agent, "tidegated", "two processes held this identity", [](Result<void>) {});
    }

    /// Ends every connection of that name, with a session or not.
    void cut(const std::string& agent, const std::string& reason) {
        sessions_.drop(agent, reason);
        for (auto& connection : links_.of(agent)) connection.close(reason);
    }

    // Logs.

    StreamHandlers take_log(std::uint64_t connection, const std::string& agent,
                            const std::string& action, Stream stream) {
        const auto taken = std::make_shared<std::size_t>(0);
        StreamHandlers handlers;
        handlers.on_data = [this, connection, agent, action, stream,
                            taken](std::string_view bytes) mutable {
            if (*taken > limits::kLogBytesMax || !sessions_.has_greeted(connection)) return;
            *taken += bytes.size();
            if (*taken > limits::kLogBytesMax) {
                ++refused_;
                stream.refuse(413);
                return;
            }
            if (sessions_.find(agent)) handler_.on_log(agent, action, bytes);
        };
        handlers.on_end = [stream, taken]() mutable {
            if (*taken > limits::kLogBytesMax) return;
            stream.respond(204);
            stream.finish();
        };
        return handlers;
    }

    AgentInfo describe(const std::string& name) const {
        AgentInfo info;
        info.name = name;
        if (const auto* session = sessions_.find(name)) {
            info.online = true;
            info.address = session->connection.remote_address();
            info.version = session->hello->version;
        }
        info.last_seen_at = last_seen(name);
        info.claimed_epoch = sessions_.claimed_epoch(name);
        const auto found = registry_.agents().find(name);
        if (found == registry_.agents().end()) return info;
        if (found->second.enrolled_at != Timestamp{}) info.enrolled_at = found->second.enrolled_at;
        if (found->second.not_after != Timestamp{}) info.not_after = found->second.not_after;
        info.revoked_at = found->second.revoked_at;
        info.revoke_reason = found->second.revoke_reason;
        return info;
    }

    // Where sessions are held.

    /// Those of before this start. A clock that was set meanwhile only shortens how long.
    void recall_sources() {
        const auto now = options_.now();
        for (const auto& [name, record] : registry_.agents())
            if (record.source_at && abs(now - *record.source_at) < limits::kSourceKnownFor)
                sources_.note(record.source, options_.monotonic() - abs(now - *record.source_at));
    }

    void note_source(const std::string& agent) {
        const auto* session = sessions_.find(agent);
        if (!session) return;
        const auto source = session->connection.source();
        sources_.note(source, options_.monotonic());
        if (auto change = registry_.note_source(agent, source, options_.now()))
            persist(*std::move(change), [](Impl&, Result<void>) {});
    }

    /// A clock that was wrong, at the start or since, may have been set right.
    void renew_own() {
        auto& pki = options_.pki;
        auto used = renew_server(pki, options_.now());
        if (used && pki.renewal) used = server_->use(pki.server, pki.ca.certificate_pem);
        if (!used) return alert("own certificate", {}, used.error().message);
        if (const auto renewal = std::exchange(pki.renewal, {}))
            handler_.on_server_renewed(pki.server, *renewal);
    }

    /// Once a second: connections that never said Hello, certificates that ran out, who was heard.
    void tick() {
        for (auto& connection :
             links_.take_late(std::chrono::steady_clock::now(),
                              [this](std::uint64_t id) { return sessions_.has_greeted(id); })) {
            ++refused_;
            connection.close("no Hello in time");
        }
        sessions_.drop_expired(options_.now());
        if (const auto heard = sessions_.take_heard(); !heard.empty()) {
            handler_.on_heard(heard);
            for (const auto& agent : heard) note_source(agent);
        }
        renew_own();
        timer_.expires_after(kTick);
        timer_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
            if (const auto self = weak.lock(); self && !error) self->tick();
        });
    }

    FleetOptions options_;
    FleetHandler& handler_;
    Registry registry_;
    Sessions sessions_;
    KnownSources sources_;
    OnceAMinute said_;
    asio::steady_timer timer_;
    Links links_;
    std::uint64_t enrolled_ = 0;
    std::uint64_t renewed_ = 0;
    std::uint64_t enrolments_refused_ = 0;
    std::uint64_t refused_ = 0;
    std::unique_ptr<transport::Server> server_;  ///< last: the first to go
};

Fleet::Fleet(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
Fleet::~Fleet() = default;

Result<std::unique_ptr<Fleet>> Fleet::start(asio::io_context& io, FleetOptions options,
                                            FleetHandler& handler) {
    if (!options.now) options.now = system_now;
    if (!options.monotonic) options.monotonic = steady_now;
    auto registry = TRY(Registry::load(options.tokens, options.agents));
    auto signature =
        TRY(transport::sign_statement(options.pki.ca, wire::epoch_statement(options.epoch)));
    const auto epoch = options.epoch;
    auto impl = std::make_shared<Impl>(io, std::move(options), handler, std::move(registry),
                                       EpochProof{epoch, std::move(signature)});
    CHECK(impl->start(io));
    return std::unique_ptr<Fleet>{new Fleet{std::move(impl)}};
}

Result<void> Fleet::send(const std::string& agent, const wire::DaemonMessage& message) {
    return impl_->send(agent, message);
}
void Fleet::create_token(const TokenOptions& options,
                         std::function<void(Result<std::string>)> done) {
    impl_->create_token(options, std::move(done));
}
void Fleet::revoke(const std::string& agent, const std::string& actor, const std::string& reason,
                   std::function<void(Result<void>)> done) {
    impl_->revoke(agent, actor, reason, std::move(done));
}
std::vector<AgentInfo> Fleet::agents() const { return impl_->agents(); }
std::size_t Fleet::count_enrolled(const std::function<bool(const std::string&)>& counts) const {
    return impl_->count_enrolled(counts);
}
bool Fleet::knows(const std::string& agent) const { return impl_->knows(agent); }
std::optional<Timestamp> Fleet::last_seen(const std::string& agent) const {
    return impl_->last_seen(agent);
}
void Fleet::watch(const std::set<std::string>& agents) { impl_->watch(agents); }
void Fleet::drop(const std::string& agent, const std::string& reason) {
    impl_->drop(agent, reason);
}
void Fleet::shutdown(std::string_view reason) { impl_->shutdown(reason); }
std::string Fleet::local_address() const { return impl_->local_address(); }
FleetStats Fleet::stats() const { return impl_->stats(); }

}  // namespace tidegate
