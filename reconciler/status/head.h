#pragma once
/// The head of an HTTP/1.1 request, bounded before any library sees it: Debian 12's cpp-httplib
/// takes heads of any size. Internal to this folder.

#include <optional>
#include <string>
#include <string_view>

namespace tidegate::status {

struct Head {
    enum class State {
        incomplete,  ///< more bytes are needed
        complete,
        bad,        ///< 400: not three words, a NUL, a bare line feed, a folded or nameless field,
                    ///< two of `Host`
        too_large,  ///< 431: over kHttpHeadBytesMax or kHttpHeadFieldsMax
        target_too_long,  ///< 414: the request line alone is over the limit
    };
    State state = State::incomplete;
    /// complete: the request line, and of the fields only those that this server acts on. Ranges,
    /// encodings, expectations and the rest never reach the library.
    std::string text;
    std::optional<std::string> host;  ///< of the field `Host`
    bool has_body = false;  ///< a body is announced; it stays unread, so the connection must end
    std::size_t size = 0;   ///< complete: bytes of the input that it took
};

/// Looks for one head at the start of `bytes` (RFC 9112 §2.2, §5).
[[nodiscard]] Head read_head(std::string_view bytes);

}  // namespace tidegate::status
