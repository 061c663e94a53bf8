#pragma once
/// The daemon's local admin socket: `run/admin.sock` in the data dir, mode 0600, so that only the
/// daemon's own user can speak to it. One JSON object per line each way:
///
///     {"verb":"enroll","args":{"agent":"web-1","ttl":3600}}
///     {"ok":true,"result":{"token":"…"}}    or    {"ok":false,"code":"denied","error":"…"}
///
/// Who asks is not for the request to say: `args.actor` of a verb is the peer's name by SO_PEERCRED
/// (unix(7)); what the request says of itself stands behind it: `root (says alice)`.
///
/// The CLI's verbs enroll, agents, accept, audit and doctor use it (docs/cli.md). A connection that
/// says nothing, or does not read, for limits::kAdminPatience is closed.

#include <asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "schema/base/limits.h"
#include "schema/base/result.h"

namespace tidegate::daemon {

/// Serves on the loop. A verb gets its arguments as JSON text and answers once, now or later, with
/// JSON text or an error.
class AdminSocket {
public:
    using Answer = std::function<void(Result<std::string>)>;
    using Verb = std::function<void(const std::string& arguments, Answer answer)>;

    /// `unavailable`: the socket cannot be bound (its path may be too long for the kernel).
    [[nodiscard]] static Result<std::unique_ptr<AdminSocket>> start(
        asio::io_context& io, const std::filesystem::path& path, std::map<std::string, Verb> verbs,
        std::chrono::milliseconds patience = limits::kAdminPatience);
    ~AdminSocket();

private:
    class Impl;
    explicit AdminSocket(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
    std::shared_ptr<Impl> impl_;
};

}  // namespace tidegate::daemon
