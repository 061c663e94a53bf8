#pragma once
/// Private to this folder: values over a stream socket, each as MessagePack after its length
/// (32 bit, big endian). Neither end trusts the other: length and nesting are bounded before a
/// value is made of the bytes.

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "schema/base/result.h"

namespace tidegate::git {

/// Does not own its descriptors. One thread. After any other error the stream is of
/// no more use.
class Channel {
public:
    using Deadline = std::optional<std::chrono::steady_clock::time_point>;

    Channel(int fd_in, int fd_out) : fd_in_{fd_in}, fd_out_{fd_out} {}

    /// For all that follows; none: wait for ever. Past it: timeout.
    void set_deadline(Deadline deadline) {
        deadline_ = deadline;
        received_ = 0;
    }
    /// The same call may take longer.
    void extend(Deadline deadline) { deadline_ = deadline; }
    /// Collected until there is enough to be worth a write, or flush. exhausted (a message has at
    /// most kGitFrameBytesMax), and where memory ends: nothing of it is sent, the stream goes on.
    [[nodiscard]] Result<void> send(const nlohmann::json& value);
    [[nodiscard]] Result<void> flush();
    /// unavailable: the other end is gone; invalid: nonsense came.
    [[nodiscard]] Result<nlohmann::json> receive();
    /// Bytes received since the deadline was set.
    [[nodiscard]] std::size_t received() const { return received_; }

private:
    [[nodiscard]] Result<void> wait(int fd, short events) const;
    [[nodiscard]] Result<void> fill(std::size_t bytes);

    int fd_in_;
    int fd_out_;
    Deadline deadline_;
    std::string outgoing_;
    std::string incoming_;
    std::size_t taken_ = 0;  ///< of incoming_
    std::size_t received_ = 0;
};

}  // namespace tidegate::git
