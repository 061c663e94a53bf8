#include "reconciler/status/front.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "schema/base/limits.h"

namespace tidegate::status {
namespace {

constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr short kBroken = POLLERR | POLLHUP | POLLNVAL;

}  // namespace

Front::Front(Listener listener, Wake wake, HostNames hosts, Exchange::Handler handler,
             HandOver hand_over)
    : listener_(std::move(listener)),
      wake_(std::move(wake)),
      hosts_(std::move(hosts)),
      handler_(std::move(handler)),
      hand_over_(std::move(hand_over)) {
    threads_.emplace_back([this] { serve(); });
    for (std::size_t i = 0; i < limits::kHttpWorkers; ++i)
        threads_.emplace_back([this] { work(); });
}

Front::~Front() { stop(); }

void Front::stop() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    has_job_.notify_all();
    wake_.signal();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    connections_.clear();
}

void Front::serve() {
    for (;;) {
        {
            const std::lock_guard lock{mutex_};
            if (stopping_) return;
        }
        poll_once();
    }
}

void Front::work() {
    Exchange exchange{handler_};
    for (;;) {
        Job job;
        {
            std::unique_lock lock{mutex_};
            has_job_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
            if (stopping_) return;
            job = std::move(jobs_.front());
            jobs_.pop_front();
        }
        auto response = exchange.run(job.head);
        {
            const std::lock_guard lock{mutex_};
            done_.push_back({job.id, std::move(response)});
        }
        wake_.signal();
    }
}

void Front::poll_once() {
    std::vector<pollfd> polled{{wake_.fd(), POLLIN, 0}};
    const bool accepting = Clock::now() >= accept_again_;
    polled.push_back({accepting ? listener_.socket.fd() : -1, POLLIN, 0});
    std::vector<Id> ids;
    for (const auto& [id, connection] : connections_) {
        if (connection.state == State::answering) continue;
        ids.push_back(id);
        const short wanted = connection.state == State::writing ? POLLOUT : POLLIN;
        polled.push_back({connection.socket.fd(), wanted, 0});
    }
    if (::poll(polled.data(), polled.size(), patience_ms()) < 0 && errno != EINTR) return;
    for (std::size_t i = 0; i < ids.size(); ++i)
        if (const auto events = polled[i + 2].revents; events != 0)
            advance(ids[i], connections_.at(ids[i]), events);
    if (polled[0].revents != 0) take_done();
    sweep();
    if (polled[1].revents != 0) accept_all();
}

int Front::patience_ms() const {
    auto next = Clock::now() + limits::kHttpHeadTimeout;
    if (accept_again_ > Clock::now()) next = std::min(next, accept_again_);
    for (const auto& [id, connection] : connections_)
        if (connection.state != State::answering) next = std::min(next, connection.deadline);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, wait.count()));
}

void Front::accept_all() {
    for (std::size_t i = 0; i < limits::kHttpConnectionsMax; ++i) {
        auto socket = accept_from(listener_.socket);
        const bool short_of_descriptors = socket.fd() < 0 && (errno == EMFILE || errno == ENFILE);
        if (socket.fd() < 0 && !short_of_descriptors) return;
        const bool full = connections_.size() >= limits::kHttpConnectionsMax;
        if (short_of_descriptors && !make_room()) {
            accept_again_ = Clock::now() + kAcceptPause;
            return;
        }
        if (short_of_descriptors || (full && !make_room())) continue;
        auto& connection = connections_[++last_id_];
        connection.socket = std::move(socket);
        enter(connection, State::reading, limits::kHttpHeadTimeout);
    }
}

bool Front::make_room() {
    auto slowest = connections_.end();
    for (auto it = connections_.begin(); it != connections_.end(); ++it) {
        if (it->second.state != State::reading) continue;
        if (slowest == connections_.end() || it->second.since < slowest->second.since) slowest = it;
    }
    if (slowest == connections_.end()) return false;
    connections_.erase(slowest);
    return true;
}

void Front::take_done() {
    wake_.clear();
    std::vector<Done> done;
    {
        const std::lock_guard lock{mutex_};
        done.swap(done_);
    }
    for (auto& [id, response] : done)
        if (const auto it = connections_.find(id); it != connections_.end())
            respond(id, it->second, std::move(response));
}

void Front::sweep() {
    const auto now = Clock::now();
    std::erase_if(connections_, [&](const auto& entry) {
        const auto& connection = entry.second;
        const bool late = connection.state != State::answering && connection.deadline <= now;
        const bool erase = connection.state == State::gone || late;
        if (erase) pending_bytes_ -= connection.out.size();
        return erase;
    });
}

void Front::advance(Id id, Connection& connection, short events) {
    if ((events & (POLLIN | POLLOUT)) == 0)
        connection.state = State::gone;
    else if (connection.state == State::reading)
        read_some(id, connection);
    else if (connection.state == State::writing)
        write_some(id, connection);
    else if (connection.state == State::lingering)
        linger(connection);
}

void Front::read_some(Id id, Connection& connection) {
    if (connection.in.empty()) enter(connection, State::reading, limits::kHttpHeadTimeout);
    const auto room = limits::kHttpHeadBytesMax - connection.in.size();
    if (connection.socket.receive(connection.in, room) == Socket::Io::closed)
        connection.state = State::gone;
    else
        dispatch_head(id, connection);
}

void Front::linger(Connection& connection) {
    std::string ignored;
    const auto io = connection.socket.receive(ignored, limits::kHttpHeadBytesMax);
    connection.lingered += ignored.size();
    if (io == Socket::Io::closed || connection.lingered >= limits::kHttpLingerBytesMax)
        connection.state = State::gone;
}

void Front::dispatch_head(Id id, Connection& connection) {
    auto head = read_head(connection.in);
    if (head.state == Head::State::incomplete) return;
    if (head.state != Head::State::complete) {
        respond(id, connection, refusal(head.state));
        return;
    }
    if (!hosts_.allow(head.host.value_or(""))) {
        respond(id, connection, misdirected());
        return;
    }
    connection.in.erase(0, head.size);
    connection.state = State::answering;
    {
        const std::lock_guard lock{mutex_};
        jobs_.push_back({id, std::move(head)});
    }
    has_job_.notify_one();
}

void Front::respond(Id id, Connection& connection, Response response) {
    connection.out = std::move(response.bytes);
    connection.sent = 0;
    connection.close = response.close;
    connection.watch = std::move(response.watch);
    pending_bytes_ += connection.out.size();
    enter(connection, State::writing, limits::kHttpWriteTimeout);
    write_some(id, connection);
    const bool too_much = pending_bytes_ > limits::kHttpPendingBytesMax;
    if (too_much && connection.state == State::writing) connection.state = State::gone;
}

void Front::write_some(Id id, Connection& connection) {
    const auto io = connection.socket.send(connection.out, connection.sent);
    if (io == Socket::Io::closed) connection.state = State::gone;
    if (io != Socket::Io::done) return;
    pending_bytes_ -= connection.out.size();
    connection.out = {};
    finish_response(id, connection);
}

void Front::finish_response(Id id, Connection& connection) {
    if (connection.watch) {
        hand_over_(std::move(connection.socket), std::move(*connection.watch));
        connection.state = State::gone;
        return;
    }
    if (connection.close) {
        // Closing over unread bytes would reset the connection and could lose the response
        // (RFC 9112 §9.6).
        ::shutdown(connection.socket.fd(), SHUT_WR);
        enter(connection, State::lingering, limits::kHttpLinger);
        return;
    }
    const bool next_has_begun = !connection.in.empty();
    enter(connection, State::reading,
          next_has_begun ? limits::kHttpHeadTimeout : limits::kHttpKeepAlive);
    if (next_has_begun) dispatch_head(id, connection);
}

void Front::enter(Connection& connection, State state, Clock::duration patience) {
    connection.state = state;
    connection.since = Clock::now();
    connection.deadline = connection.since + patience;
}

}  // namespace tidegate::status
