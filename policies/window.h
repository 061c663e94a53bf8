#pragma once
/// The calendar behind release windows: is it open at an instant, why not, and when does
/// that change. Pure: offsets of the zone come in as ZoneRules.
///
/// Semantics: a slot belongs to the local day on which it starts; `end <= start` runs over
/// midnight. A local time inside a daylight-saving gap moves forward to the gap's end; one that
/// occurs twice means its first occurrence, but for the end of a closing slot (deny, maintenance),
/// which means the second: in doubt the window is closed. Blackout dates close whole local days.

#include <optional>
#include <string>

#include "schema/model/rules.h"

namespace tidegate {

struct WindowState {
    bool open = false;
    std::string reason;                ///< in words, why it is closed; empty when open
    std::optional<Timestamp> changes;  ///< closed: when it opens; open: when it closes; if known
};

/// Looks at most 400 days ahead; a window that stays as it is for longer has no `changes`.
[[nodiscard]] WindowState window_state(const ReleaseWindow& window, const ZoneRules& zone,
                                       Timestamp now);

/// Seconds east of UTC at an instant.
[[nodiscard]] Seconds offset_at(const ZoneRules& zone, Timestamp at);

/// What a clock there shows at an instant, for people who plan by it:
/// `Mon 2026-11-23 16:00 +14:00 Pacific/Kiritimati`, seconds only where there are some. Empty for
/// UTC, which is shown everywhere.
[[nodiscard]] std::string local_text(const ZoneRules& zone, Timestamp at);

/// Which of the instants that show this local time is meant (see above).
enum class Occurrence { first, second };
[[nodiscard]] Timestamp from_local(const ZoneRules& zone, std::chrono::local_seconds local,
                                   Occurrence which);

}  // namespace tidegate
