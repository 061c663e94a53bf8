#include "schema/base/result.h"

#include <cassert>

namespace tidegate {

std::string Position::text() const {
    if (file.empty()) return {};
    if (line == 0) return file;
    if (column == 0) return fmt::format("{}:{}", file, line);
    return fmt::format("{}:{}:{}", file, line, column);
}

const char* to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid:
            return "invalid";
        case ErrorCode::not_found:
            return "not_found";
        case ErrorCode::conflict:
            return "conflict";
        case ErrorCode::unavailable:
            return "unavailable";
        case ErrorCode::timeout:
            return "timeout";
        case ErrorCode::denied:
            return "denied";
        case ErrorCode::exhausted:
            return "exhausted";
        case ErrorCode::internal:
            return "internal";
    }
    return "internal";
}

Error Error::at(Position where) && {
    if (position.file.empty()) position = std::move(where);
    return std::move(*this);
}

Error Error::within(std::string_view what) && {
    message = fmt::format("{}: {}", what, message);
    return std::move(*this);
}

std::string Error::text() const {
    const auto place = position.text();
    return place.empty() ? message : fmt::format("{}: {}", place, message);
}

void assertion_failed(const char* condition, const char* file, int line) {
    __assert_fail(condition, file, static_cast<unsigned>(line), "tidegate");
}

}  // namespace tidegate
