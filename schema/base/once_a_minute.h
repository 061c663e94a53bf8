#pragma once
/// For what a peer can provoke as often as it likes: it is said once a minute (or so often), with
/// how often it was not said before. Values only.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "schema/base/time.h"

namespace tidegate {

class OnceAMinute {
public:
    /// How often it was left unsaid since it was last said; nothing: leave it unsaid now. `now` is
    /// a monotonic clock's reading. Beyond limits::kSubjectsMax subjects in a minute, those that
    /// are new count as one. `most`: what may be said of one in a minute.
    [[nodiscard]] std::optional<std::uint64_t> say(const std::string& subject, Milliseconds now,
                                                   int most = 1);

private:
    struct Last {
        Milliseconds since;
        int said = 1;
        std::uint64_t unsaid = 0;
    };

    std::map<std::string, Last> subjects_;  ///< "" stands for those beyond the limit
};

/// What follows the text of something that was left unsaid so often.
[[nodiscard]] std::string and_unsaid(std::uint64_t times);

}  // namespace tidegate
