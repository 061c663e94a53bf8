#pragma once
/// Small network clients for health checks, over libcurl: its deadline covers name lookup,
/// connecting and a slow answer alike. Proxies of the environment are not used.

#include <stop_token>
#include <string>

#include "schema/base/result.h"
#include "schema/base/time.h"

namespace tidegate::agent {

struct HttpAnswer {
    int status = 0;
    /// Whole and as it came, or empty where it is longer than 200 bytes: masking could not find a
    /// secret that was cut.
    std::string body;
};
/// Of a GET. http and https only.
[[nodiscard]] Result<HttpAnswer> http_get(const std::string& url, Seconds timeout,
                                          const std::stop_token& stop);

/// A TCP connection was accepted, and closed again.
[[nodiscard]] Result<void> tcp_connect(const std::string& host, const std::string& port,
                                       Seconds timeout, const std::stop_token& stop);

}  // namespace tidegate::agent
