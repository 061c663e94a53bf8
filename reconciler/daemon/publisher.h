#pragma once
/// Builds the status snapshot from what the engine and the config source publish.

#include <asio/steady_timer.hpp>
#include <functional>

#include "reconciler/engine/effect.h"
#include "reconciler/status/board.h"

namespace tidegate::daemon {

/// Loop thread only. Changes are collected and put on the board at most ten times a second, so a
/// busy engine does not copy the maps of pointers at every step.
class Publisher {
public:
    /// `refresh` fills in what is looked up, not told, just before each publication.
    using Refresh = std::function<void(StatusSnapshot&)>;

    Publisher(asio::io_context& io, status::SnapshotBoard& board, Refresh refresh)
        : timer_{io}, board_{board}, refresh_{std::move(refresh)} {}

    /// The snapshot to change; it is published a little later.
    [[nodiscard]] StatusSnapshot& edit();
    /// There is something to look up.
    void touch() { schedule(); }
    void apply(engine::Publish change);
    /// The target's agent was heard of then; costs a copy of its view when that is news.
    void seen(const std::string& target, Timestamp at);
    /// Puts it on the board now; for the start and the end.
    void flush();

private:
    void schedule();
    /// The release in the snapshot to come, copied once per publication.
    [[nodiscard]] Release& editable(const std::string& id);

    asio::steady_timer timer_;
    status::SnapshotBoard& board_;
    Refresh refresh_;
    StatusSnapshot next_;
    std::map<std::string, std::shared_ptr<Release>> editing_;  ///< nobody else sees them yet
    bool scheduled_ = false;
};

}  // namespace tidegate::daemon
