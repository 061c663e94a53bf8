#include "transport/endpoint.h"

#include <asio/post.hpp>
#include <utility>

#include "schema/base/limits.h"

namespace tidegate::transport {

void Endpoint::use(UdpSocket socket) {
    socket_.emplace(std::move(socket));
    ++socket_number_;
    waiting_writable_ = false;
    wait_readable();
}

void Endpoint::touch(ConnectionCore& connection) {
    if (std::exchange(connection.dirty, true)) return;
    dirty_.push_back(connection.shared_from_this());
    schedule();
}

void Endpoint::schedule() {
    if (std::exchange(scheduled_, true)) return;
    asio::post(io_, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || !std::exchange(self->scheduled_, false)) return;
        self->service_some();
    });
}

void Endpoint::wait_readable() {
    socket_->descriptor().async_wait(
        asio::posix::descriptor_base::wait_read,
        [weak = weak_from_this(), number = socket_number_](const std::error_code& error) {
            const auto self = weak.lock();
            if (!self || error || number != self->socket_number_) return;
            self->costly_ = 0;
            const bool reachable = self->socket_->receive([&](const Datagram& datagram) {
                self->on_datagram(datagram);
                return self->costly_ < limits::kHandshakeSlice;
            });
            if (!reachable) self->on_unreachable();
            self->service_some();
            if (number == self->socket_number_) self->wait_readable();
        });
}

void Endpoint::wait_writable() {
    if (std::exchange(waiting_writable_, true)) return;
    socket_->descriptor().async_wait(
        asio::posix::descriptor_base::wait_write,
        [weak = weak_from_this(), number = socket_number_](const std::error_code& error) {
            const auto self = weak.lock();
            if (!self || error || number != self->socket_number_) return;
            self->waiting_writable_ = false;
            self->socket_->retry_unsent();
            self->service_some();
        });
}

void Endpoint::service_some() {
    const auto slice = std::min(dirty_.size(), limits::kFlushSlice);
    for (std::size_t i = 0; i < slice && !socket_->blocked(); ++i) {
        const auto connection = std::move(dirty_.front());
        dirty_.pop_front();
        connection->dirty = false;
        if (!connection->service(*socket_)) touch(*connection);
        set_timer(*connection);
    }
    socket_->flush();
    if (socket_->blocked())
        wait_writable();
    else if (!dirty_.empty())
        schedule();
}

void Endpoint::forget_timer(ConnectionCore& connection) {
    if (auto timer = std::exchange(connection.timer, std::nullopt)) timers_.erase(*timer);
}

void Endpoint::set_timer(ConnectionCore& connection) {
    if (connection.over()) return;
    const auto expiry = connection.expiry();
    if (connection.timer && (*connection.timer)->first == expiry) return;
    if (connection.timer) {
        auto node = timers_.extract(*connection.timer);
        node.key() = expiry;
        connection.timer = timers_.insert(std::move(node));
    } else {
        connection.timer = timers_.emplace(expiry, &connection);
    }
    arm();
}

void Endpoint::arm() {
    if (timers_.empty() || timers_.begin()->first >= armed_for_) return;
    armed_for_ = timers_.begin()->first;
    if (armed_for_ == UINT64_MAX) return;
    const std::chrono::nanoseconds since_epoch{static_cast<std::int64_t>(armed_for_)};
    timer_.expires_at(std::chrono::steady_clock::time_point{since_epoch});
    timer_.async_wait([weak = weak_from_this()](const std::error_code& error) {
        if (error) return;
        if (const auto self = weak.lock()) self->fire();
    });
}

void Endpoint::fire() {
    armed_for_ = UINT64_MAX;
    const auto now = compat::now();
    while (!timers_.empty() && timers_.begin()->first <= now) {
        const auto connection = timers_.begin()->second->shared_from_this();
        forget_timer(*connection);
        connection->expire(*socket_);
        if (!connection->over()) touch(*connection);
    }
    service_some();
    arm();
}

}  // namespace tidegate::transport
