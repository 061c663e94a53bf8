#pragma once
/// One request through cpp-httplib: a bounded head in, the response's bytes out. No socket here.
/// One per worker thread. Internal to this folder.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "reconciler/status/answer.h"
#include "reconciler/status/head.h"

namespace tidegate::status {

struct Response {
    std::string bytes;
    bool close = false;          ///< nothing more is read from this connection
    std::optional<Watch> watch;  ///< after `bytes`, events follow
};

class Exchange {
public:
    using Handler = std::function<Answer(const Request&)>;
    explicit Exchange(Handler handler);
    Exchange(Exchange&&) noexcept;
    ~Exchange();

    /// Never throws: what a handler or the library throws becomes a 500 that tells nothing.
    [[nodiscard]] Response run(const Head& head);

private:
    class Library;
    std::unique_ptr<Library> library_;
};

/// The response to a head that never reaches the library.
[[nodiscard]] Response refusal(Head::State state);
/// The response to a head whose `Host` is none of ours (421, RFC 9110 §15.5.20).
[[nodiscard]] Response misdirected();

}  // namespace tidegate::status
