#include "transport/stream.h"

#include <algorithm>
#include <utility>

#include "transport/stream_core.h"

namespace tidegate::transport {

std::string_view find_header(const Headers& headers, std::string_view name) {
    const auto found = std::ranges::find(headers, name, &Header::name);
    return found == headers.end() ? std::string_view{} : std::string_view{found->value};
}

const char* to_string(CloseKind kind) {
    switch (kind) {
        case CloseKind::finished:
            return "finished";
        case CloseKind::local:
            return "local";
        case CloseKind::peer:
            return "peer";
        case CloseKind::reset:
            return "reset";
        case CloseKind::timeout:
            return "timeout";
        case CloseKind::refused:
            return "refused";
        case CloseKind::overflow:
            return "overflow";
        case CloseKind::protocol:
            return "protocol";
        case CloseKind::unreachable:
            return "unreachable";
    }
    return "unknown";
}

bool Stream::send(std::string bytes) {
    return send(std::make_shared<const std::string>(std::move(bytes)));
}

bool Stream::send(SharedBytes bytes) {
    TG_ASSERT(bytes != nullptr);
    const auto core = core_.lock();
    return core != nullptr && core->send(std::move(bytes));
}

void Stream::finish() {
    if (const auto core = core_.lock()) core->finish();
}

void Stream::cancel() {
    if (const auto core = core_.lock()) core->cancel();
}

void Stream::respond(int status, Headers headers) {
    if (const auto core = core_.lock()) core->respond(status, headers);
}

void Stream::refuse(int status) {
    if (const auto core = core_.lock()) core->refuse(status);
}

void Stream::pause() {
    if (const auto core = core_.lock()) core->pause();
}

void Stream::resume() {
    if (const auto core = core_.lock()) core->resume();
}

bool Stream::open() const {
    const auto core = core_.lock();
    return core != nullptr && !core->over();
}

std::size_t Stream::queued_bytes() const {
    const auto core = core_.lock();
    return core == nullptr ? 0 : core->queued_bytes();
}

}  // namespace tidegate::transport
