#pragma once
/// Tells two processes that hold one agent's identity from one that was started anew. Values only.
///
/// A process makes its boot id at its start, so an id that comes back after another one took its
/// place belongs to a second process. The id that is pushed out is therefore remembered for
/// limits::kBootIdRemembered; agents that live come back within limits::kBackoffMax. Who floods
/// with fresh ids cannot wash it out: where there is no more room, the id that held its place for
/// the shortest time is forgotten, and a living agent held it for longer than any of a flood.

#include <deque>
#include <map>
#include <string>

#include "schema/base/time.h"

namespace tidegate::fleet {

enum class Boot {
    usual,          ///< the first, the same again, or one that was started anew
    many,           ///< the same, and the limits::kBootIdsUsual-th in that time: to be said once
    second_holder,  ///< it was pushed out and is back: two processes hold this identity
};

/// All agents' ids. `now` is a monotonic clock's reading; only differences are used.
class BootIds {
public:
    /// A Hello came. After `second_holder` the agent's ids are forgotten.
    [[nodiscard]] Boot note(const std::string& agent, const std::string& boot_id, Milliseconds now);

private:
    struct Former {
        std::string id;
        Milliseconds held;  ///< for how long it was the current one
        Milliseconds pushed_out_at;
    };
    struct Ids {
        std::string current;
        Milliseconds since{0};
        std::deque<Former> former;
        std::size_t fresh = 0;  ///< that came since `counted_from`
        Milliseconds counted_from{0};
    };

    static void push_out(Ids& ids, Milliseconds now);
    [[nodiscard]] static Boot count(Ids& ids, Milliseconds now);

    std::map<std::string, Ids> agents_;
};

}  // namespace tidegate::fleet
