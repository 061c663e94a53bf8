#pragma once
/// Builds the status snapshot from what the engine and the config source publish.

#include <asio/steady_timer.hpp>

#include "reconciler/engine/effect.h"
#include "reconciler/status/board.h"

namespace tidegate::daemon {

/// Loop thread only. Changes are collected and put on the board at most ten times a second, so a
/// busy engine does not copy the maps of pointers at every step.
class Publisher {
public:
    Publisher(asio::io_context& io, status::SnapshotBoard& board) : timer_{io}, board_{board} {}

    /// The snapshot to change; it is published a little later.
    [[nodiscard]] StatusSnapshot& edit();
    void apply(engine::Publish change);
    /// Puts it on the board now; for the start and the end.
    void flush();

private:
    void schedule();

    asio::steady_timer timer_;
    status::SnapshotBoard& board_;
    StatusSnapshot next_;
    bool scheduled_ = false;
};

}  // namespace tidegate::daemon
