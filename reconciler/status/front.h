#pragma once
/// Accepts connections, reads heads, writes responses; hands complete heads to workers. One thread
/// with poll() does all input and output, so a peer that is slow to send or to read costs a slot in
/// a bounded table and never a worker. Internal to this folder.
///
///     reading ──head──▶ answering ──response──▶ writing ──keep-alive──▶ reading
///        └─refused────────────────────────────────▶│──close──▶ lingering ──▶ gone
///                                                   └──watch──▶ handed over
///
/// Every state but `answering` has a deadline. When the table is full, the connection that has been
/// reading for longest makes room.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "reconciler/status/exchange.h"
#include "reconciler/status/hosts.h"
#include "reconciler/status/socket.h"

namespace tidegate::status {

class Front {
public:
    /// Takes a connection over after its response went out.
    using HandOver = std::function<void(Socket, Watch)>;

    Front(Listener listener, Wake wake, HostNames hosts, Exchange::Handler handler,
          HandOver hand_over);
    ~Front();

    [[nodiscard]] const std::string& local_address() const { return listener_.address; }
    void stop();

private:
    using Clock = std::chrono::steady_clock;
    using Id = std::uint64_t;
    enum class State { reading, answering, writing, lingering, gone };
    struct Connection {
        Socket socket;
        State state = State::reading;
        std::string in;
        std::string out;
        std::size_t sent = 0;
        bool close = false;
        std::optional<Watch> watch;
        std::size_t lingered = 0;
        Clock::time_point since;
        Clock::time_point deadline;
    };
    struct Job {
        Id id = 0;
        Head head;
    };
    struct Done {
        Id id = 0;
        Response response;
    };

    void serve();
    void work();
    void poll_once();
    void accept_all();
    [[nodiscard]] bool make_room();
    void take_done();
    void sweep();
    void advance(Id id, Connection& connection, short events);
    void read_some(Id id, Connection& connection);
    void linger(Connection& connection);
    void dispatch_head(Id id, Connection& connection);
    void respond(Id id, Connection& connection, Response response);
    void write_some(Id id, Connection& connection);
    void finish_response(Id id, Connection& connection);
    void enter(Connection& connection, State state, Clock::duration patience);
    [[nodiscard]] int patience_ms() const;

    Listener listener_;
    Wake wake_;
    HostNames hosts_;
    Exchange::Handler handler_;
    HandOver hand_over_;

    // Only the poller's.
    std::map<Id, Connection> connections_;
    Id last_id_ = 0;
    std::size_t pending_bytes_ = 0;  ///< of all `out`
    Clock::time_point accept_again_;

    std::mutex mutex_;  ///< guards what follows
    std::condition_variable has_job_;
    std::deque<Job> jobs_;
    std::vector<Done> done_;
    bool stopping_ = false;

    std::vector<std::thread> threads_;
};

}  // namespace tidegate::status
