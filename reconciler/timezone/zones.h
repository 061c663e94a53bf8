#pragma once
/// IANA time zones as plain values, read from the system's tzdata by the `date` library. The pure
/// layers get their zones from here. Thread-safe; zones are read once and kept.

#include "schema/model/rules.h"

namespace tidegate {

/// The offsets of `name` (`Asia/Shanghai`, `UTC`) from 1970 to 2100; null when there is no such
/// zone.
[[nodiscard]] std::shared_ptr<const ZoneRules> find_zone(const std::string& name);

/// All zone names, sorted; for nearest-name hints.
[[nodiscard]] std::vector<std::string> zone_names();

}  // namespace tidegate
