#include "reconciler/daemon/admin.h"

#include <sys/stat.h>

#include <asio/local/stream_protocol.hpp>
#include <asio/read_until.hpp>
#include <asio/streambuf.hpp>
#include <asio/write.hpp>
#include <nlohmann/json.hpp>

#include "schema/base/limits.h"

namespace tidegate::daemon {
namespace {

using asio::local::stream_protocol;
using nlohmann::json;

std::string encode(const Result<std::string>& result) {
    if (result)
        return json{{"ok", true}, {"result", json::parse(*result, nullptr, false)}}.dump() + '\n';
    return json{{"ok", false},
                {"code", to_string(result.error().code)},
                {"error", result.error().text()}}
               .dump(-1, ' ', false, json::error_handler_t::replace) +
           '\n';
}

struct Session : std::enable_shared_from_this<Session> {
    Session(stream_protocol::socket s, const std::map<std::string, AdminSocket::Verb>& v,
            std::shared_ptr<int> c)
        : socket{std::move(s)}, verbs{v}, count{std::move(c)} {
        ++*count;
    }
    ~Session() { --*count; }

    void read() {
        asio::async_read_until(
            socket, buffer, '\n',
            [self = shared_from_this()](asio::error_code error, std::size_t size) {
                if (!error) self->handle(size);
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
        verb->second(request.value("args", json::object()).dump(), answer);
    }

    void write(std::string text) {
        reply = std::move(text);
        asio::async_write(socket, asio::buffer(reply),
                          [self = shared_from_this()](asio::error_code error, std::size_t) {
                              if (!error) self->read();
                          });
    }

    stream_protocol::socket socket;
    const std::map<std::string, AdminSocket::Verb>& verbs;
    std::shared_ptr<int> count;
    asio::streambuf buffer{limits::kAdminLineBytesMax};
    std::string reply;
};

}  // namespace

class AdminSocket::Impl : public std::enable_shared_from_this<Impl> {
public:
    Impl(asio::io_context& io, std::map<std::string, Verb> verbs)
        : acceptor_{io}, verbs_{std::move(verbs)} {}

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
        acceptor_.async_accept([self = shared_from_this()](asio::error_code error,
                                                           stream_protocol::socket socket) {
            if (error) return;
            if (*self->count_ < static_cast<int>(limits::kAdminConnectionsMax))
                std::make_shared<Session>(std::move(socket), self->verbs_, self->count_)->read();
            self->accept();
        });
    }

    void close() { acceptor_.close(); }

private:
    stream_protocol::acceptor acceptor_;
    std::map<std::string, Verb> verbs_;
    std::shared_ptr<int> count_ = std::make_shared<int>(0);
};

Result<std::unique_ptr<AdminSocket>> AdminSocket::start(asio::io_context& io,
                                                        const std::filesystem::path& path,
                                                        std::map<std::string, Verb> verbs) {
    auto impl = std::make_shared<Impl>(io, std::move(verbs));
    CHECK(impl->bind(path));
    impl->accept();
    return std::unique_ptr<AdminSocket>{new AdminSocket{std::move(impl)}};
}

AdminSocket::~AdminSocket() { impl_->close(); }

}  // namespace tidegate::daemon
