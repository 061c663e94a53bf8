#include "reconciler/git/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "schema/base/limits.h"

namespace tidegate::git {
namespace {

using nlohmann::json;

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kWriteBytes = 256 * 1024;
constexpr std::size_t kReadBytes = 64 * 1024;

/// Stops the parser, which recurses, where values are nested too deep.
class DepthCheck : public nlohmann::json_sax<json> {
public:
    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool key(string_t&) override { return true; }
    bool start_object(std::size_t) override { return ++depth_ <= limits::kGitFrameDepthMax; }
    bool end_object() override { return depth_-- > 0; }
    bool start_array(std::size_t) override { return ++depth_ <= limits::kGitFrameDepthMax; }
    bool end_array() override { return depth_-- > 0; }
    bool parse_error(std::size_t, const std::string&, const json::exception&) override {
        return false;
    }

private:
    std::size_t depth_ = 0;
};

Result<json> parse(std::string_view bytes) {
    try {
        DepthCheck check;
        if (json::sax_parse(bytes, &check, json::input_format_t::msgpack))
            return json::from_msgpack(bytes);
    } catch (const std::exception&) {
    }
    return fail(ErrorCode::invalid, "a frame of {} bytes is no MessagePack value", bytes.size());
}

std::uint32_t read_length(std::string_view bytes) {
    std::uint32_t length = 0;
    for (const char byte : bytes.substr(0, kLengthBytes))
        length = length << 8 | static_cast<std::uint8_t>(byte);
    return length;
}

bool is_passing(int error) { return error == EINTR || error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

Result<void> Channel::wait(int fd, short events) const {
    for (;;) {
        int patience = -1;
        if (deadline_) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(
                *deadline_ - std::chrono::steady_clock::now());
            if (left.count() <= 0) return fail(ErrorCode::timeout, "no answer before the deadline");
            patience = static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
        }
        pollfd wanted{fd, events, 0};
        const int ready = ::poll(&wanted, 1, patience);
        if (ready > 0) return {};
        if (ready < 0 && errno != EINTR)
            return fail(ErrorCode::unavailable, "poll: {}", std::strerror(errno));
    }
}

Result<void> Channel::send(const json& value) {
    const auto bytes = json::to_msgpack(value);
    if (bytes.size() > limits::kGitFrameBytesMax)
        return fail(ErrorCode::exhausted, "a message of {} bytes is over the limit of {}",
                    bytes.size(), limits::kGitFrameBytesMax);
    outgoing_.reserve(outgoing_.size() + kLengthBytes + bytes.size());  // all of it, or nothing
    for (std::size_t i = kLengthBytes; i-- > 0;)
        outgoing_ += static_cast<char>(bytes.size() >> (8 * i) & 0xff);
    outgoing_.append(bytes.begin(), bytes.end());
    return outgoing_.size() < kWriteBytes ? Result<void>{} : flush();
}

Result<void> Channel::flush() {
    std::string_view rest = outgoing_;
    while (!rest.empty()) {
        CHECK(wait(fd_out_, POLLOUT));
        const auto sent = ::send(fd_out_, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && !is_passing(errno))
            return fail(ErrorCode::unavailable, "the other end is gone: {}", std::strerror(errno));
        if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    outgoing_.clear();
    return {};
}

Result<void> Channel::fill(std::size_t bytes) {
    if (incoming_.size() - taken_ >= bytes) return {};
    incoming_.erase(0, taken_);
    taken_ = 0;
    while (incoming_.size() < bytes) {
        CHECK(wait(fd_in_, POLLIN));
        char buffer[kReadBytes];
        const auto got = ::recv(fd_in_, buffer, sizeof buffer, MSG_DONTWAIT);
        if (got == 0) return fail(ErrorCode::unavailable, "the other end is gone");
        if (got < 0 && !is_passing(errno))
            return fail(ErrorCode::unavailable, "the other end is gone: {}", std::strerror(errno));
        if (got > 0) incoming_.append(buffer, static_cast<std::size_t>(got));
    }
    return {};
}

Result<json> Channel::receive() {
    CHECK(fill(kLengthBytes));
    const std::size_t length = read_length(std::string_view{incoming_}.substr(taken_));
    if (length > limits::kGitFrameBytesMax)
        return fail(ErrorCode::invalid, "a frame of {} bytes is over the limit of {}", length,
                    limits::kGitFrameBytesMax);
    CHECK(fill(kLengthBytes + length));
    const auto frame = std::string_view{incoming_}.substr(taken_ + kLengthBytes, length);
    taken_ += kLengthBytes + length;
    received_ += kLengthBytes + length;
    return parse(frame);
}

}  // namespace tidegate::git
