#include "reconciler/status/exchange.h"

#include <httplib.h>

#include <algorithm>
#include <cstring>

#include "schema/base/limits.h"

namespace tidegate::status {
namespace {

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";

/// Lets the library read one head from memory, then the end; keeps what it writes.
class MemoryStream : public httplib::Stream {
public:
    explicit MemoryStream(std::string_view head) : rest_(head) {}

    bool is_readable() const override { return !rest_.empty(); }
    bool is_writable() const override { return true; }
    ssize_t read(char* to, std::size_t size) override {
        const auto count = std::min(size, rest_.size());
        std::memcpy(to, rest_.data(), count);
        rest_.remove_prefix(count);
        return static_cast<ssize_t>(count);
    }
    ssize_t write(const char* from, std::size_t size) override {
        written.append(from, size);
        return static_cast<ssize_t>(size);
    }
    void get_remote_ip_and_port(std::string&, int&) const override {}
    void get_local_ip_and_port(std::string&, int&) const override {}
    socket_t socket() const override { return INVALID_SOCKET; }

    std::string written;

private:
    std::string_view rest_;
};

Request to_request(const httplib::Request& from) {
    Request request;
    request.method = from.method;
    request.path = from.path;
    for (const auto& [name, value] : from.params) request.query.emplace(name, value);
    request.if_none_match = from.get_header_value("If-None-Match");
    request.last_event_id = from.get_header_value("Last-Event-ID");
    return request;
}

/// For what goes wrong before there is a library to write it.
Response plain_response(int status, std::string_view reason, std::string_view code,
                        std::string_view message) {
    const auto body = error_answer(status, code, message).body;
    Response response;
    response.close = true;
    response.bytes = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
        "Connection: close\r\n\r\n{}",
        status, reason, body.size(), body);
    return response;
}

Response internal_error() {
    return plain_response(500, "Internal Server Error", "internal", "internal error");
}

}  // namespace

class Exchange::Library : private httplib::Server {
public:
    explicit Library(Exchange::Handler handler) : handler_(std::move(handler)) {
        set_keep_alive_timeout(limits::kHttpKeepAlive.count());
        set_keep_alive_max_count(limits::kHttpKeepAliveRequests);
        set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& out) {
            return fill(request, out);
        });
    }

    Response run(const Head& head) {
        answer_.reset();
        MemoryStream stream{head.text};
        bool close = head.has_body;
        const bool written =
            process_request(stream, head.has_body, close, [](httplib::Request&) {});
        if (!answer_ || !written)
            return plain_response(400, "Bad Request", "invalid", "not an HTTP/1.1 request");
        if (answer_->watch && answer_->status == 200)
            return {std::string(kStreamHead), true, std::move(answer_->watch)};
        return {std::move(stream.written), close, std::nullopt};
    }

private:
    HandlerResponse fill(const httplib::Request& request, httplib::Response& out) {
        try {
            answer_ = handler_(to_request(request));
        } catch (...) {
            answer_ = error_answer(500, "internal", "internal error");
        }
        if (request.method == "HEAD") answer_->watch.reset();
        out.status = answer_->status;
        for (const auto& [name, value] : answer_->fields) out.set_header(name, value);
        out.set_header("X-Content-Type-Options", "nosniff");
        out.set_header("Accept-Ranges", "none");
        if (out.status != 304) out.set_content(std::move(answer_->body), answer_->content_type);
        return HandlerResponse::Handled;
    }

    Exchange::Handler handler_;
    std::optional<Answer> answer_;
};

Exchange::Exchange(Handler handler) : library_(std::make_unique<Library>(std::move(handler))) {}
Exchange::Exchange(Exchange&&) noexcept = default;
Exchange::~Exchange() = default;

Response Exchange::run(const Head& head) {
    try {
        return library_->run(head);
    } catch (...) {
        return internal_error();
    }
}

Response refusal(Head::State state) {
    switch (state) {
        case Head::State::too_large:
            return plain_response(
                431, "Request Header Fields Too Large", "exhausted",
                fmt::format("a request's head may have {} bytes and {} fields",
                            limits::kHttpHeadBytesMax, limits::kHttpHeadFieldsMax));
        case Head::State::target_too_long:
            return plain_response(
                414, "URI Too Long", "exhausted",
                fmt::format("a request's head may have {} bytes", limits::kHttpHeadBytesMax));
        case Head::State::bad:
            return plain_response(400, "Bad Request", "invalid", "malformed request");
        case Head::State::incomplete:
        case Head::State::complete:
            break;
    }
    return internal_error();
}

Response misdirected() {
    return plain_response(421, "Misdirected Request", "denied",
                          "this server has another name: ask for its address, or name it with "
                          "tidegated --http-host");
}

}  // namespace tidegate::status
