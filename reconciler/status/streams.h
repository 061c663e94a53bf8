#pragma once
/// Feeds all event streams (Server-Sent Events, WHATWG HTML §9.2) from one thread. Level-based: a
/// stream that reads slowly misses states in between, never the newest, and holds no backlog but
/// the bytes of its last events. Internal to this folder.
///
/// `id` of an event is the daemon's epoch and the snapshot's generation. A stream over one release
/// ends after the event that shows its end; over all assignments it goes on for ever. Comments keep
/// idle ones alive. One that does not take its events within kHttpWriteTimeout is closed.

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "reconciler/status/answer.h"
#include "reconciler/status/board.h"
#include "reconciler/status/socket.h"

namespace tidegate::status {

class Streams {
public:
    explicit Streams(SnapshotBoard& board);
    ~Streams();

    /// Any thread. Over kHttpStreamsMax the connection is closed.
    void add(Socket socket, Watch watch);
    [[nodiscard]] bool has_room() const;
    void stop();

private:
    using Clock = std::chrono::steady_clock;
    struct Stream {
        Socket socket;
        Watch watch;
        bool fresh = true;                       ///< no event was sent yet
        std::shared_ptr<const Release> release;  ///< as last sent
        std::string routers;                     ///< likewise, of its assignment
        std::map<AssignmentKey, std::shared_ptr<const AssignmentView>> assignments;  ///< likewise
        std::string out;
        std::size_t sent = 0;
        bool ending = false;  ///< close once `out` is gone
        bool gone = false;
        Clock::time_point last_event;
    };

    void serve();
    void take_new();
    void feed(Stream& stream, const StatusSnapshot& snapshot);
    void write_news(Stream& stream, const StatusSnapshot& snapshot);
    void write_release(Stream& stream, const StatusSnapshot& snapshot);
    void write_assignments(Stream& stream, const StatusSnapshot& snapshot);

    SnapshotBoard& board_;
    std::vector<Stream> streams_;  ///< only the thread's

    std::mutex mutex_;  ///< guards new_
    std::condition_variable added_;
    std::vector<Stream> new_;
    std::atomic<std::size_t> count_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace tidegate::status
