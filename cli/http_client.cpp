#include "cli/http_client.h"

#include <httplib.h>

#include "cli/fields.h"
#include "schema/base/limits.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kAnswerBytesMax = limits::kHttpAnswerBytesMax + (1 << 20);
constexpr std::size_t kItemsMax = 200'000;
constexpr std::size_t kEventBytesMax = limits::kHttpAnswerBytesMax;
constexpr time_t kConnectSeconds = 5;
constexpr time_t kReadSeconds = 60;  ///< the server says something every kHttpHeartbeat

std::string without_slash(std::string server) {
    while (server.ends_with('/')) server.pop_back();
    return server.find("://") == std::string::npos ? "http://" + server : server;
}

Error status_error(const std::string& url, int status, const std::string& body) {
    const auto answer = json::parse(body, nullptr, false);
    const auto why = text_of(member(answer, "error"), "message", fmt::format("status {}", status));
    const auto code = status == 404   ? ErrorCode::not_found
                      : status >= 500 ? ErrorCode::unavailable
                                      : ErrorCode::invalid;
    return {code, fmt::format("{}: {}", url, why), {}};
}

/// httplib's own word for it is "Connection".
std::string why_silent(httplib::Error error) {
    if (error != httplib::Error::Connection) return httplib::to_string(error);
    return "nobody listens there, or there is no such host; --server, or TIDEGATE_SERVER, "
           "names the daemon's status endpoint";
}

/// httplib 0.11 throws on URLs that it cannot take.
template <class Use>
std::invoke_result_t<Use, httplib::Client&> with_client(const std::string& server, Use use) try {
    httplib::Client client{server};
    if (!client.is_valid()) return fail(ErrorCode::invalid, "{} is no http:// address", server);
    client.set_connection_timeout(kConnectSeconds);
    client.set_read_timeout(kReadSeconds);
    return use(client);
} catch (const std::exception& error) {
    return fail(ErrorCode::invalid, "{}: {}", server, error.what());
}

/// Cuts events out of what came so far and hands them on; false once `on_event` has enough.
class EventReader {
public:
    using OnEvent = std::function<bool(const std::string&, const json&)>;
    explicit EventReader(const OnEvent& on_event) : on_event_{on_event} {}

    [[nodiscard]] bool take(std::string_view bytes) {
        rest_ += bytes;
        if (rest_.size() > kEventBytesMax) return false;
        std::size_t from = 0;
        for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', from)) {
            if (!line(rest_.substr(from, end - from))) return false;
            from = end + 1;
        }
        rest_.erase(0, from);
        return true;
    }
    [[nodiscard]] bool stopped() const { return stopped_; }

private:
    [[nodiscard]] bool line(const std::string& text) {
        if (text.starts_with("event: ")) name_ = text.substr(7);
        if (text.starts_with("data: ")) data_ += text.substr(6);
        if (!text.empty() || data_.empty()) return true;
        stopped_ = !on_event_(name_, json::parse(data_, nullptr, false));
        name_.clear();
        data_.clear();
        return !stopped_;
    }

    const OnEvent& on_event_;
    std::string rest_, name_, data_;
    bool stopped_ = false;
};

}  // namespace

Result<std::string> get_text(const std::string& server, const std::string& path) {
    const auto base = without_slash(server);
    return with_client(base, [&](httplib::Client& client) -> Result<std::string> {
        std::string body;
        const auto answer = client.Get(path, [&](const char* data, std::size_t size) {
            body.append(data, size);
            return body.size() <= kAnswerBytesMax;
        });
        if (!answer)
            return fail(ErrorCode::unavailable, "{} does not answer: {}", base,
                        why_silent(answer.error()));
        if (answer->status != 200) return fail(status_error(base + path, answer->status, body));
        return body;
    });
}

Result<json> get_json(const std::string& server, const std::string& path) {
    auto parsed = json::parse(TRY(get_text(server, path)), nullptr, false);
    if (parsed.is_discarded())
        return fail(ErrorCode::invalid, "{}{} does not answer in JSON", without_slash(server),
                    path);
    return parsed;
}

Result<json> get_items(const std::string& server, const std::string& path) {
    auto items = json::array();
    const char* joint = path.find('?') == std::string::npos ? "?" : "&";
    std::string cursor;
    do {
        const auto page = TRY(
            get_json(server, fmt::format("{}{}limit={}{}{}", path, joint, limits::kHttpPageItemsMax,
                                         cursor.empty() ? "" : "&cursor=", cursor)));
        for (const auto& item : list_of(page, "items")) items.push_back(item);
        if (list_of(page, "items").empty()) break;
        cursor = text_of(page, "next_cursor");
    } while (!cursor.empty() && items.size() < kItemsMax);
    return items;
}

Result<void> follow_events(const std::string& server, const std::string& path,
                           const EventReader::OnEvent& on_event) {
    const auto base = without_slash(server);
    return with_client(base, [&](httplib::Client& client) -> Result<void> {
        EventReader reader{on_event};
        int status = 0;
        const auto answer = client.Get(
            path, httplib::Headers{{"Accept", "text/event-stream"}},
            [&](const httplib::Response& head) {
                status = head.status;
                return status == 200;
            },
            [&](const char* data, std::size_t size) {
                return reader.take({data, size});
            });
        if (reader.stopped()) return {};
        if (status != 0 && status != 200) return fail(status_error(base + path, status, ""));
        if (!answer)
            return fail(ErrorCode::unavailable, "{} broke off: {}", base,
                        httplib::to_string(answer.error()));
        return fail(ErrorCode::unavailable, "{} ended the stream", base);
    });
}

std::string percent_encoded(std::string_view text) {
    std::string encoded;
    for (const char byte : text) {
        const auto code = static_cast<unsigned char>(byte);
        const bool free =
            std::isalnum(code) != 0 || byte == '-' || byte == '_' || byte == '.' || byte == '~';
        encoded += free ? std::string(1, byte) : fmt::format("%{:02X}", code);
    }
    return encoded;
}

}  // namespace tidegate::cli
