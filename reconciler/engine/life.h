#pragma once
/// Counts the time that the daemon lives. Pure: whoever owns it reads a clock.
///
///     start ─→ grace: stands still ─kAgentGrace, or all are back→ counts ─→ …
///                        ↑                                          │ no reading for kLifeGapMax:
///                        └──────────────────────────────────────────┘ the process did not run

#include <optional>
#include <span>

#include "schema/base/limits.h"
#include "schema/base/time.h"
#include "schema/model/store.h"

namespace tidegate::engine {

/// Agents tell what they did meanwhile as soon as they are back, so nothing that they are given
/// time for ends before they had the time to come back.
class Life {
public:
    /// Goes on from what the store has.
    explicit Life(Lived stored = {}) : lived_{stored} {}

    /// `reading`: of a clock that goes on while the machine sleeps and is never set (boot time). To
    /// be read at least every kLifeGapMax.
    Lived at(Milliseconds reading);
    /// From the last reading on, if all goes well.
    [[nodiscard]] Milliseconds until(Lived then) const;
    /// For how long it stands still, from the last reading on.
    [[nodiscard]] Milliseconds still() const { return grace_left_; }
    /// Everybody whom the grace was for came back since the start. After a gap that takes the whole
    /// grace: links that broke meanwhile do not show it yet.
    void all_are_back();

private:
    Lived lived_;
    Milliseconds grace_left_ = limits::kAgentGrace;
    std::optional<Milliseconds> last_;
    bool slept_ = false;
};

/// What the rows (of table meta) say; zero in a fresh store and in one of a former build.
/// `invalid`: it cannot be read.
[[nodiscard]] Result<Lived> stored_life(std::span<const Row> rows);
/// The row that keeps it.
[[nodiscard]] Put keep_life(Lived lived);

}  // namespace tidegate::engine
