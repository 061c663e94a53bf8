#include "agent/session/session.h"

#include <algorithm>
#include <asio/steady_timer.hpp>
#include <deque>
#include <optional>
#include <random>
#include <utility>

#include "agent/session/backlog.h"
#include "agent/session/epochs.h"
#include "agent/session/identity.h"
#include "agent/session/outbox.h"
#include "schema/wire/frame.h"
#include "schema/wire/messages.h"
#include "schema/wire/names.h"
#include "schema/wire/token.h"
#include "transport/client.h"

namespace tidegate {
namespace {

using transport::CloseReason;
using transport::ResponseHead;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::minutes kRenewAgainAfter{10};
constexpr int kAttemptsCounted = 16;
/// CONNECTION_REFUSED (RFC 9000 §20.1): the daemon is full.
constexpr std::uint64_t kDaemonFull = 0x02;

Timestamp system_now() {
    return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
}

std::string text_of(const CloseReason& reason) {
    return fmt::format("{}: {}", to_string(reason.kind), reason.text);
}

/// Our certificate is not accepted there, or theirs not by us.
bool is_stranger(const CloseReason& reason) {
    return reason.kind == transport::CloseKind::refused && reason.code != kDaemonFull;
}

Result<wire::Token> token_of(const SessionOptions& options) {
    const auto text = TRY(options.token);
    if (text.empty())
        return fail(ErrorCode::not_found, "tidegate enroll {} makes one", options.agent);
    auto token = TRY(wire::parse_token(text));
    if (token.agent != options.agent)
        return fail(ErrorCode::denied, "the token is for agent {}, not for {}", token.agent,
                    options.agent);
    return token;
}

}  // namespace

class Session::Impl : public std::enable_shared_from_this<Impl> {
public:
    Impl(asio::io_context& io, SessionOptions options, SessionHandler& handler,
         session::Identity identity, std::optional<wire::Token> token)
        : io_{io},
          options_{std::move(options)},
          handler_{handler},
          epochs_{session::Epochs::open(options_.data_dir)},
          identity_{std::move(identity)},
          token_{std::move(token)},
          retry_{io},
          heartbeat_{io},
          random_{std::random_device{}()} {}

    /// The next try after `delay`.
    void schedule(Milliseconds delay) {
        retry_.expires_after(delay);
        retry_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
            if (const auto self = weak.lock(); self && !error && !self->stopped_) self->connect();
        });
    }

    void send(const wire::AgentMessage& message) {
        if (!outbox_.is_open()) return;
        const auto bytes = wire::encode(message);
        if (!bytes) return cut("cannot send: " + bytes.error().message);
        if (!outbox_.push(wire::frame(*bytes))) cut("more waits to be sent than is allowed");
    }

    void fenced(std::uint64_t highest_epoch) {
        send(wire::Fenced{epochs_.outward(highest_epoch), epochs_.proof()});
    }

    void changed(const std::vector<Installation>& installations) {
        auto pieces = wire::split({installations, {}, {}, {}, {}});
        for (auto& piece : pieces) send(wire::Changed{std::move(piece.items.installations)});
    }

    void routed(const RouteReport& report) { send(wire::Routed{report}); }

    bool log(const std::string& action, std::string_view bytes) {
        if (!connected_ || !wire::is_id(action) || uploads_.size() >= limits::kLogUploadsWaitingMax)
            return false;
        uploads_.emplace_back(action, bytes.substr(0, limits::kLogBytesMax));
        if (!uploading_) upload_next();
        return true;
    }

    void stopping() {
        stopping_ = true;
        if (connected_) send(wire::Heartbeat{true});
    }

    [[nodiscard]] bool connected() const { return connected_; }

    Result<void> rebind() {
        if (!client_) return fail(ErrorCode::unavailable, "not connected");
        return client_->rebind();
    }

    void stop(std::string_view reason) {
        stopped_ = true;
        retry_.cancel();
        heartbeat_.cancel();
        if (client_) client_->close(reason);
    }

private:
    void connect() {
        const bool dials = identity_.is_complete() && !std::exchange(enroll_next_, false);
        if (dials) advise();
        const auto dialled = dials ? dial() : enroll();
        if (!dialled) give_up(dialled.error());
    }

    /// Once per link: it may be our clock that is wrong, so the certificate is shown all the same.
    void advise() {
        if (std::exchange(advised_, true)) return;
        if (const auto advice = identity_.advice(options_.now()); !advice.empty())
            handler_.on_notice(advice);
    }

    transport::ClientOptions client_options(transport::Trust trust) const {
        transport::ClientOptions client;
        client.host = options_.host;
        client.keep_alive = options_.keep_alive;
        client.port = options_.port;
        client.first_address = first_address_;
        client.trust = std::move(trust);
        return client;
    }

    // Enrolment

    Result<void> enroll() {
        const auto request = TRY(identity_.enrolment_request());
        response_ = {};
        body_.clear();
        client_ = TRY(transport::Client::connect(
            io_, client_options(transport::PinnedFingerprint{token_->ca_fingerprint}),
            {{}, [this](const CloseReason& reason) { enrolment_over(reason); }}));
        transport::ResponseHandlers handlers;
        handlers.on_response = [this](const ResponseHead& head) { response_ = head; };
        handlers.stream.on_data = [this](std::string_view bytes) {
            if (body_.size() + bytes.size() > limits::kPemBytesMax)
                return client_->close("the answer is too long");
            body_.append(bytes);
        };
        handlers.stream.on_end = [this] { take_certificate(); };
        handlers.stream.on_close = [this](const CloseReason&) { client_->close("enrolled"); };
        auto stream = client_->request({"POST",
                                        "/v1/enroll",
                                        {{"authorization", "Bearer " + token_->text()},
                                         {"content-type", "application/pkcs10"}},
                                        true},
                                       std::move(handlers));
        stream.send(request);
        stream.finish();
        return {};
    }

    void take_certificate() {
        if (response_.status != 200) return;
        auto taken = identity_.pin(client_->ca_pem());
        if (taken) taken = identity_.adopt(body_);
        if (!taken) return give_up(std::move(taken).error().within("enrolment"));
        token_.reset();
        handler_.on_notice(fmt::format("enrolled as {}, until {}", options_.agent,
                                       format_rfc3339(identity_.not_after())));
    }

    void enrolment_over(const CloseReason& reason) {
        if (stopped_) return;
        if (!token_) return schedule(Milliseconds{0});
        if (response_.status >= 400 && response_.status < 500)
            return enrolment_refused(fmt::format("the daemon refused to enrol {}: {}",
                                                 options_.agent,
                                                 body_.substr(0, body_.find('\n'))));
        if (response_.status == 0) ++first_address_;
        retry_later(response_.status == 0
                        ? text_of(reason)
                        : fmt::format("the daemon answered {}", response_.status));
    }

    /// That token will not be shown again. A certificate still may be taken one day: by a daemon
    /// that was restored from a backup, or once a clock is right.
    void enrolment_refused(const std::string& why) {
        token_.reset();
        if (!identity_.is_complete()) return give_up({ErrorCode::denied, why, {}});
        retry_later(why);
    }

    // The link

    Result<void> dial() {
        auto options = client_options(transport::PinnedCa{identity_.ca_pem()});
        options.agent = identity_.credential();
        // A daemon to which a whole fleet comes back answers late; agents that give up and dial
        // anew would keep it so.
        options.silence_max = std::min<Milliseconds>(
            limits::kSilenceLongest, options.silence_max * (1 << std::min(attempt_, 4)));
        reader_ = {};
        lost_because_.clear();
        client_ = TRY(transport::Client::connect(
            io_, std::move(options), {{}, [this](const CloseReason& reason) { lost(reason); }}));
        transport::ResponseHandlers handlers;
        handlers.on_response = [this](const ResponseHead& head) { accepted(head); };
        handlers.stream.on_data = [this](std::string_view bytes) { receive(bytes); };
        handlers.stream.on_drain = [this] { outbox_.pump(); };
        handlers.stream.on_close = [this](const CloseReason& reason) { cut(text_of(reason)); };
        stream_ = client_->request({"POST", "/v1/session", {}, true}, std::move(handlers));
        return {};
    }

    /// The daemon takes us: introduce ourselves. Everything said from now on follows the inventory.
    void accepted(const ResponseHead& head) {
        if (head.status != 200) return cut(fmt::format("the daemon answered {}", head.status));
        outbox_.open(stream_);
        auto hello = handler_.hello();
        epochs_.introduce(hello, identity_.ca_pem());
        send(std::move(hello));
        auto inventory = handler_.inventory();
        backlog_.reset(wire::take_excess(inventory, limits::kInventoryResultBytesMax));
        for (const auto& piece : wire::split(std::move(inventory))) send(piece);
        send_backlog();
    }

    void send_backlog() {
        for (const auto& result : backlog_.take()) send(result);
    }

    void receive(std::string_view bytes) {
        reader_.push(bytes);
        while (client_->open() && lost_because_.empty()) {
            auto frame = reader_.next();
            if (frame && !*frame) return;
            auto message = frame ? wire::decode_daemon(**frame)
                                 : Result<wire::DaemonMessage>{fail(frame.error())};
            if (!message) return cut("cannot read the daemon: " + message.error().message);
            std::visit([this](auto& value) { handle(value); }, *message);
        }
    }

    void handle(const wire::Welcome& welcome) {
        if (std::exchange(connected_, true)) return cut("the daemon welcomed us twice");
        connected_at_ = SteadyClock::now();
        if (std::exchange(renewal_asked_, false)) renew_not_before_ = {};
        last_notice_.clear();
        advised_ = false;
        beat();
        if (const auto kept = epochs_.welcomed(welcome.epoch, welcome.epoch_proof,
                                               identity_.ca_pem(), handler_.hello().highest_epoch);
            !kept)
            handler_.on_notice(kept.error().message);
        handler_.on_connected(epochs_.inward(welcome.epoch), welcome.answers_suspended);
    }
    void handle(wire::Run& run) {
        const auto epoch = epochs_.inward(run.epoch);
        if (run.unreadable.empty())
            handler_.on_run(std::move(run.action), epoch);
        else
            handler_.on_unreadable_run(std::move(run.action), epoch, run.unreadable);
    }
    void handle(const wire::Cancel& cancel) {
        handler_.on_cancel(cancel.id, epochs_.inward(cancel.epoch));
    }
    void handle(const wire::Ack& ack) {
        handler_.on_ack(ack.ids);
        backlog_.acknowledge(ack.ids);
        send_backlog();
    }
    void handle(const wire::SetRoute& set) {
        handler_.on_route(set.route, epochs_.inward(set.epoch), set.forget, set.unreadable);
    }
    void handle(const wire::Certificate& certificate) {
        renewal_asked_ = false;
        const auto adopted = identity_.adopt(certificate.chain_pem);
        // By a clock that is ahead the new one is due at once, too.
        if (adopted) renew_not_before_ = SteadyClock::now() + identity_.life() / 3;
        handler_.on_notice(adopted ? fmt::format("certificate renewed, until {}",
                                                 format_rfc3339(identity_.not_after()))
                                   : "cannot take the new certificate: " + adopted.error().message);
    }
    void handle(const wire::Bye& bye) { cut("the daemon said goodbye: " + bye.reason); }

    /// Ends this link; `lost` follows from the loop.
    void cut(const std::string& why) {
        if (lost_because_.empty()) lost_because_ = why;
        outbox_.close();
        client_->close(why);
    }

    void lost(const CloseReason& reason) {
        outbox_.close();
        backlog_.reset({});
        uploads_.clear();
        uploading_ = false;
        heartbeat_.cancel();
        const auto why = lost_because_.empty() ? text_of(reason) : lost_because_;
        if (std::exchange(connected_, false)) {
            if (SteadyClock::now() - connected_at_ >= options_.backoff_max) attempt_ = 0;
            handler_.on_disconnected(why);
        } else {
            ++first_address_;
        }
        enroll_next_ = token_ && is_stranger(reason);
        if (!stopped_) retry_later(why);
    }

    /// Full jitter (AWS, "Exponential Backoff And Jitter"), but never sooner than the minimum. The
    /// first span is ten times the minimum, so that a fleet does not come back all at once.
    void retry_later(const std::string& why) {
        if (std::exchange(last_notice_, why) != why) handler_.on_notice("no link: " + why);
        const auto span = std::min(options_.backoff_max, options_.backoff_min * (10 << attempt_));
        attempt_ = std::min(attempt_ + 1, kAttemptsCounted);
        std::uniform_int_distribution<Milliseconds::rep> between{
            options_.backoff_min.count(), std::max(options_.backoff_min, span).count()};
        schedule(Milliseconds{between(random_)});
    }

    void give_up(Error error) {
        stopped_ = true;
        if (client_) client_->close("no certificate");
        handler_.on_stopped(error);
    }

    void beat() {
        renew_if_due();
        heartbeat_.expires_after(options_.heartbeat);
        heartbeat_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
            const auto self = weak.lock();
            if (!self || error || !self->connected_) return;
            self->send(wire::Heartbeat{self->stopping_});
            self->beat();
        });
    }

    void renew_if_due() {
        const auto now = SteadyClock::now();
        if (options_.now() < identity_.renew_at() || now < renew_not_before_) return;
        auto request = identity_.make_request();
        if (!request) return handler_.on_notice("cannot renew: " + request.error().message);
        renewal_asked_ = true;
        renew_not_before_ = now + kRenewAgainAfter;
        send(wire::Renew{*std::move(request)});
    }

    void upload_next() {
        uploading_ = !uploads_.empty();
        if (!uploading_) return;
        auto [action, bytes] = std::move(uploads_.front());
        uploads_.pop_front();
        transport::ResponseHandlers handlers;
        handlers.stream.on_close = [this](const CloseReason&) { upload_next(); };
        auto stream =
            client_->request({"POST", "/v1/logs/" + action, {}, true}, std::move(handlers));
        stream.send(std::move(bytes));
        stream.finish();
    }

    asio::io_context& io_;
    SessionOptions options_;
    SessionHandler& handler_;
    session::Epochs epochs_;
    session::Identity identity_;
    std::optional<wire::Token> token_;  ///< until it is used, or refused
    bool enroll_next_ = false;          ///< though there is a certificate
    asio::steady_timer retry_;
    asio::steady_timer heartbeat_;
    std::mt19937 random_;

    bool stopping_ = false;
    bool stopped_ = false;
    bool connected_ = false;
    int attempt_ = 0;
    std::size_t first_address_ = 0;  ///< of the daemon's name; another after each try in vain
    SteadyClock::time_point connected_at_;
    bool renewal_asked_ = false;
    SteadyClock::time_point renew_not_before_;
    bool advised_ = false;      ///< of what is wrong with the certificate's dates
    std::string lost_because_;  ///< of this link, when it was we who ended it
    std::string last_notice_;

    ResponseHead response_;  ///< enrolment
    std::string body_;

    wire::FrameReader reader_;
    session::Outbox outbox_;
    session::Backlog backlog_;
    transport::Stream stream_;
    std::deque<std::pair<std::string, std::string>> uploads_;
    bool uploading_ = false;
    std::unique_ptr<transport::Client> client_;  ///< last: the first to go
};

Session::Session(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::start(asio::io_context& io, SessionOptions options,
                                                SessionHandler& handler) {
    if (!options.now) options.now = system_now;
    auto identity = TRY(session::Identity::open(options.data_dir, options.agent));
    const auto token = token_of(options);
    if (!identity.is_complete() && !token)
        return fail(ErrorCode::denied, "agent {} has no valid certificate ({}) and no token ({})",
                    options.agent, identity.fault(), token.error().message);
    if (!token && token.error().code != ErrorCode::not_found)
        handler.on_notice("going on without a token: " + token.error().message);
    auto impl =
        std::make_shared<Impl>(io, std::move(options), handler, std::move(identity),
                               token ? std::optional{*token} : std::optional<wire::Token>{});
    impl->schedule(Milliseconds{0});
    return std::unique_ptr<Session>{new Session{std::move(impl)}};
}

void Session::changed(const std::vector<Installation>& installations) {
    impl_->changed(installations);
}
void Session::result(const ActionResult& result) { impl_->send(wire::shortened(result)); }
void Session::update(const ActionUpdate& update) { impl_->send(update); }
void Session::stopping() { impl_->stopping(); }
void Session::fenced(std::uint64_t highest_epoch) { impl_->fenced(highest_epoch); }
void Session::routed(const RouteReport& report) { impl_->routed(report); }
bool Session::log(const std::string& action, std::string_view bytes) {
    return impl_->log(action, bytes);
}
bool Session::connected() const { return impl_->connected(); }
Result<void> Session::rebind() { return impl_->rebind(); }
void Session::stop(std::string_view reason) { impl_->stop(reason); }

}  // namespace tidegate
