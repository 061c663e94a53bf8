#include "agent/tasks/probe.h"

#include <curl/curl.h>
#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace tidegate::agent {
namespace {

constexpr std::size_t kBodyBytesMax = 64 * 1024;
constexpr std::size_t kBodyBytesKept = 200;

struct Progress {
    const std::stop_token* stop = nullptr;
    std::size_t body_bytes = 0;
    std::string body = {};  ///< its first bytes, one more than are kept
};

/// Ends the transfer once the body is longer than anybody needs; the status is known by then.
std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* user) {
    auto& progress = *static_cast<Progress*>(user);
    progress.body_bytes += size * count;
    progress.body.append(bytes, std::min(size * count, kBodyBytesKept + 1 - progress.body.size()));
    return progress.body_bytes > kBodyBytesMax ? 0 : size * count;
}

int look_at_stop(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Progress*>(user)->stop->stop_requested() ? 1 : 0;
}

struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;

Easy make_easy(const std::string& url, Seconds timeout, Progress& progress) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    TG_ASSERT(ready == CURLE_OK);
    Easy easy{curl_easy_init()};
    TG_ASSERT(easy != nullptr);
    CURL* raw = easy.get();
    curl_easy_setopt(raw, CURLOPT_URL, url.c_str());
    curl_easy_setopt(raw, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(raw, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(raw, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(raw, CURLOPT_QUICK_EXIT, 1L);  // does not wait for a stuck name lookup
    curl_easy_setopt(raw, CURLOPT_TIMEOUT_MS, static_cast<long>(Milliseconds{timeout}.count()));
    curl_easy_setopt(raw, CURLOPT_USERAGENT, "tidegate-agent");
    curl_easy_setopt(raw, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(raw, CURLOPT_WRITEDATA, &progress);
    curl_easy_setopt(raw, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(raw, CURLOPT_XFERINFOFUNCTION, look_at_stop);
    curl_easy_setopt(raw, CURLOPT_XFERINFODATA, &progress);
    return easy;
}

tl::unexpected<Error> failure(CURLcode code, const std::string& url, Seconds timeout) {
    if (code == CURLE_OPERATION_TIMEDOUT)
        return fail(ErrorCode::timeout, "{}: no answer within {}", url, format_duration(timeout));
    if (code == CURLE_ABORTED_BY_CALLBACK) return fail(ErrorCode::unavailable, "cancelled");
    return fail(ErrorCode::unavailable, "{}: {}", url, curl_easy_strerror(code));
}

}  // namespace

Result<HttpAnswer> http_get(const std::string& url, Seconds timeout, const std::stop_token& stop) {
    Progress progress{&stop, 0};
    const auto easy = make_easy(url, timeout, progress);
    const auto code = curl_easy_perform(easy.get());
    const bool enough = code == CURLE_WRITE_ERROR && progress.body_bytes > kBodyBytesMax;
    if (code != CURLE_OK && !enough) return failure(code, url, timeout);
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    if (progress.body.size() > kBodyBytesKept) progress.body.clear();
    return HttpAnswer{static_cast<int>(status), std::move(progress.body)};
}

Result<void> tcp_connect(const std::string& host, const std::string& port, Seconds timeout,
                         const std::stop_token& stop) {
    if (port.empty() || port.find_first_not_of("0123456789") != std::string::npos)
        return fail(ErrorCode::invalid, "port must be a number, got '{}'", port);
    const bool v6 = host.find(':') != std::string::npos && !host.starts_with('[');
    const auto place = v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
    Progress progress{&stop, 0};
    const auto easy = make_easy("http://" + place, timeout, progress);
    curl_easy_setopt(easy.get(), CURLOPT_CONNECT_ONLY, 1L);
    const auto code = curl_easy_perform(easy.get());
    if (code != CURLE_OK) return failure(code, place, timeout);
    return {};
}

}  // namespace tidegate::agent
