#include "reconciler/timezone/zones.h"

#include <date/tz.h>

#include <mutex>

namespace tidegate {
namespace {

using namespace std::chrono;

constexpr sys_days kFrom{year{1970} / January / 1};
constexpr sys_days kTo{year{2100} / January / 1};

std::shared_ptr<const ZoneRules> read_zone(const std::string& name) try {
    const auto* zone = date::locate_zone(name);
    auto rules = std::make_shared<ZoneRules>();
    rules->name = name;
    auto info = zone->get_info(sys_seconds{kFrom});
    rules->first_offset = info.offset;
    while (info.end < kTo) {
        info = zone->get_info(info.end);
        rules->transitions.push_back({Timestamp{info.begin}, info.offset});
    }
    return rules;
} catch (const std::exception&) {
    return nullptr;
}

}  // namespace

std::shared_ptr<const ZoneRules> find_zone(const std::string& name) {
    static std::mutex mutex;
    static Zones known;
    const std::lock_guard lock{mutex};
    auto found = known.find(name);
    if (found == known.end()) found = known.emplace(name, read_zone(name)).first;
    return found->second;
}

std::vector<std::string> zone_names() try {
    std::vector<std::string> names;
    for (const auto& zone : date::get_tzdb().zones) names.push_back(zone.name());
    return names;
} catch (const std::exception&) {
    return {};
}

}  // namespace tidegate
