#include "transport/stream.h"

#include <algorithm>

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

}  // namespace tidegate::transport
