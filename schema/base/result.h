#pragma once
/// Errors as values. Causes outside the program come back as `Result`; our own bugs end the
/// process through TG_ASSERT; nothing of ours throws. Third parties' exceptions are caught at
/// the edge that called them.

#include <fmt/core.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "schema/base/position.h"

namespace tidegate {

/// What a caller can do about an error; the message is for people.
enum class ErrorCode {
    invalid,      ///< the input is wrong; repeating does not help
    not_found,    ///< the named thing does not exist
    conflict,     ///< somebody else was faster; look again, then decide anew
    unavailable,  ///< a peer, a disk or a network is away; retry later
    timeout,      ///< a deadline passed; retry later
    denied,       ///< not allowed; repeating does not help
    exhausted,    ///< a limit was reached
    internal,     ///< a third party failed in a way we do not understand
};

[[nodiscard]] const char* to_string(ErrorCode code);

struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string message;
    Position position;

    friend bool operator==(const Error&, const Error&) = default;

    /// The same error, with a place if it had none.
    [[nodiscard]] Error at(Position where) &&;
    /// The same error with "what: " before its message; once per module boundary.
    [[nodiscard]] Error within(std::string_view what) &&;
    /// `file:line:column: message`, or the message alone.
    [[nodiscard]] std::string text() const;
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
public:
    using tl::expected<T, Error>::expected;
    Result(tl::expected<T, Error> other) : tl::expected<T, Error>(std::move(other)) {}
};

template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format,
                                         Args&&... args) {
    return tl::unexpected<Error>(
        Error{code, fmt::format(format, std::forward<Args>(args)...), Position{}});
}

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace tidegate

#define TG_CONCAT_INNER(a, b) a##b
#define TG_CONCAT(a, b) TG_CONCAT_INNER(a, b)
#define TG_TRY_AS(name, expression)                                  \
    __extension__({                                                  \
        auto name = (expression);                                    \
        if (!name) return ::tl::unexpected(std::move(name).error()); \
        *std::move(name);                                            \
    })
/// The value of a Result, or return its error from the calling function. For Result<void>: CHECK.
#define TRY(...) TG_TRY_AS(TG_CONCAT(tg_try_, __COUNTER__), (__VA_ARGS__))
/// Returns the error of a Result whose value does not matter (Result<void> above all).
#define CHECK(...)                                                \
    do {                                                          \
        if (auto tg_check = (__VA_ARGS__); !tg_check)             \
            return ::tl::unexpected(std::move(tg_check).error()); \
    } while (false)
/// A condition that only our own bug can break. Always on.
#define TG_ASSERT(condition) \
    ((condition) ? void(0) : ::tidegate::assertion_failed(#condition, __FILE__, __LINE__))
