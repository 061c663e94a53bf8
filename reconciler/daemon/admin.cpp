#include "reconciler/daemon/admin.h"

#include <pwd.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <asio/local/stream_protocol.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/streambuf.hpp>
#include <asio/write.hpp>
#include <nlohmann/json.hpp>

#include "schema/base/utf8.h"

namespace tidegate::daemon {
namespace {

using asio::local::stream_protocol;
using nlohmann::json;
using Patience = std::chrono::milliseconds;

/// After an error such as "too many open files", which goes away.
constexpr std::chrono::seconds kAcceptPause{1};

std::string encode(const Result<std::string>& result) {
    if (result)
        return json{{"ok", true}, {"result", json::parse(*result, nullptr, false)}}.dump() + '\n';
    return json{{"ok", false},
                {"code", to_string(result.error().code)},
                {"error", result.error().text()}}
               .dump(-1, ' ', false, json::error_handler_t::replace) +
           '\n';
}

/// The name of our own user, who alone (and root) may open the socket. Asked for once: a directory
/// service may take its time.
const std::string& own_name() {
    static const std::string name = [] {
        const auto* entry = ::getpwuid(::geteuid());
        return entry == nullptr ? fmt::format("uid {}", ::geteuid()) : std::string{entry->pw_name};
    }();
    return name;
}

/// Who is at the other end, by the kernel's word.
std::string peer_of(stream_protocol::socket& socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return "unknown";
    if (peer.uid == ::geteuid()) return own_name();
    return peer.uid == 0 ? "root" : fmt::format("uid {}", peer.uid);
}

/// What is of another type than text stays, for the verb to refuse.
json with_actor(json arguments, const std::string& peer) {
    if (!arguments.is_object()) return arguments;
    auto& actor = arguments["actor"];
    if (actor.is_null() || actor == peer || actor == "")
        actor = peer;
    else if (actor.is_string())
        actor = fmt::format(
            "{} (says {})", peer,
            head_of(one_line(actor.get_ref<const std::string&>()), limits::kPersonBytesMax));
    return arguments;
}

struct Session : std::enable_shared_from_this<Session> {
    Session(stream_protocol::socket s, const std::map<std::string, AdminSocket::Verb>& v,
            std::shared_ptr<int> c, Patience p)
        : socket{std::move(s)},
          peer{peer_of(socket)},
          timer{socket.get_executor()},
          verbs{v},
          count{std::move(c)},
          patience{p} {
        ++*count;
    }
    ~Session() { --*count; }

    void read() {
        expect_peer();
        asio::async_read_until(
            socket, buffer, '\n',
            [self = shared_from_this()](asio::error_code error, std::size_t size) {
                self->timer.expires_at(kNever);
                if (!error) self->handle(size);
            });
    }

    /// The peer's turn: closes the connection unless it does something in time.
    void expect_peer() {
        timer.expires_after(patience);
        timer.async_wait([weak = weak_from_this()](asio::error_code error) {
            const auto self = weak.lock();
            if (error || !self || self->timer.expiry() > asio::steady_timer::clock_type::now())
                return;
            self->socket.close();
        });
    }

    void handle(std::size_t size) {
        std::string line{asio::buffers_begin(buffer.data()),
                         asio::buffers_begin(buffer.data()) + static_cast<std::ptrdiff_t>(size)};
        buffer.consume(size);
        const auto request = json::parse(line, nullptr, false);
        const auto answer = [self = shared_from_this()](Result<std::string> result) {
            self->write(encode(result));
        };
        if (!request.is_object() || !request.contains("verb") || !request["verb"].is_string())
            return answer(
                fail(ErrorCode::invalid, "expected one JSON object with a verb per line"));
        const auto verb = verbs.find(request["verb"].get<std::string>());
        if (verb == verbs.end())
            return answer(
                fail(ErrorCode::not_found, "no such verb: {}", request["verb"].get<std::string>()));
        try {
            verb->second(with_actor(request.value("args", json::object()), peer).dump(), answer);
        } catch (const std::exception& error) {
            spdlog::error("admin: {}: {}", verb->first, error.what());
            answer(fail(ErrorCode::internal, "{}: {}", verb->first, error.what()));
        }
    }

    void write(std::string text) {
        reply = std::move(text);
        expect_peer();
        asio::async_write(socket, asio::buffer(reply),
                          [self = shared_from_this()](asio::error_code error, std::size_t) {
                              self->timer.expires_at(kNever);
                              if (!error) self->read();
                          });
    }

    static constexpr auto kNever = asio::steady_timer::time_point::max();

    stream_protocol::socket socket;
    std::string peer;
    asio::steady_timer timer;
    const std::map<std::string, AdminSocket::Verb>& verbs;
    std::shared_ptr<int> count;
    Patience patience;
    asio::streambuf buffer{limits::kAdminLineBytesMax};
    std::string reply;
};

}  // namespace

class AdminSocket::Impl : public std::enable_shared_from_this<Impl> {
public:
    Impl(asio::io_context& io, std::map<std::string, Verb> verbs, Patience patience)
        : acceptor_{io}, pause_{io}, verbs_{std::move(verbs)}, patience_{patience} {
        (void)own_name();
    }

    Result<void> bind(const std::filesystem::path& path) try {
        std::filesystem::remove(path);
        acceptor_.open();
        const auto former = ::umask(0177);
        asio::error_code error;
        acceptor_.bind(stream_protocol::endpoint{path.string()}, error);
        ::umask(former);
        if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
        if (error)
            return fail(ErrorCode::unavailable, "cannot bind {}: {}", path.string(),
                        error.message());
        return {};
    } catch (const std::exception& error) {
        return fail(ErrorCode::unavailable, "cannot bind {}: {}", path.string(), error.what());
    }

    void accept() {
        acceptor_.async_accept(
            [self = shared_from_this()](asio::error_code error, stream_protocol::socket socket) {
                if (!self->acceptor_.is_open()) return;
                if (error) return self->accept_later(error);
                if (*self->count_ < static_cast<int>(limits::kAdminConnectionsMax))
                    std::make_shared<Session>(std::move(socket), self->verbs_, self->count_,
                                              self->patience_)
                        ->read();
                self->accept();
            });
    }

    void close() {
        acceptor_.close();
        pause_.cancel();
    }

private:
    void accept_later(asio::error_code error) {
        spdlog::warn("admin: cannot accept a connection: {}", error.message());
        pause_.expires_after(kAcceptPause);
        pause_.async_wait([self = shared_from_this()](asio::error_code cancelled) {
            if (!cancelled && self->acceptor_.is_open()) self->accept();
        });
    }

    stream_protocol::acceptor acceptor_;
    asio::steady_timer pause_;
    std::map<std::string, Verb> verbs_;
    Patience patience_;
    std::shared_ptr<int> count_ = std::make_shared<int>(0);
};

Result<std::unique_ptr<AdminSocket>> AdminSocket::start(asio::io_context& io,
                                                        const std::filesystem::path& path,
                                                        std::map<std::string, Verb> verbs,
                                                        std::chrono::milliseconds patience) {
    auto impl = std::make_shared<Impl>(io, std::move(verbs), patience);
    CHECK(impl->bind(path));
    impl->accept();
    return std::unique_ptr<AdminSocket>{new AdminSocket{std::move(impl)}};
}

AdminSocket::~AdminSocket() { impl_->close(); }

}  // namespace tidegate::daemon
