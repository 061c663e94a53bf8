#pragma once
/// Asks the routes of a snapshot, without a server.

#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "reconciler/status/routes.h"
#include "reconciler/status/views.h"
#include "tests/unit/status/sample.h"

namespace tidegate::status {

inline const std::string kRelease = "/api/release/deploys/8f14e45f-0001-5000-8000-000000000001";

inline Services services() {
    Services services;
    services.now = [] { return test::at("2026-11-22T10:02:00Z"); };
    services.render_metrics = [](const StatusSnapshot&) { return std::string("metrics\n"); };
    services.read_log = [](const std::string& action) -> std::optional<std::string> {
        return "all of " + action;
    };
    services.find_zone = [](const std::string& name) -> std::shared_ptr<const ZoneRules> {
        auto zone = std::make_shared<ZoneRules>();
        zone->name = name;
        return zone;
    };
    services.has_stream_room = [] { return true; };
    return services;
}

inline Request request_of(const std::string& target) {
    Request request;
    request.method = "GET";
    request.path = target.substr(0, target.find('?'));
    if (request.path.size() == target.size()) return request;
    std::stringstream query{target.substr(request.path.size() + 1)};
    for (std::string pair; std::getline(query, pair, '&');)
        request.query[pair.substr(0, pair.find('='))] = pair.substr(pair.find('=') + 1);
    return request;
}

inline Answer get(const std::string& target,
                  const StatusSnapshot& snapshot = test::sample_snapshot()) {
    return answer(request_of(target), &snapshot, services());
}

inline Json get_json(const std::string& target,
                     const StatusSnapshot& snapshot = test::sample_snapshot()) {
    const auto answered = get(target, snapshot);
    EXPECT_EQ(answered.status, 200) << target << ": " << answered.body;
    return Json::parse(answered.body);
}

inline const std::map<std::string, std::string> kExamples{
    {":name/status", "web-1/status"},
    {":name", "shop-api"},
    {":env", "prod"},
    {"deploys/:id", "deploys/8f14e45f-0001-5000-8000-000000000001"},
    {"approvals/:id", "approvals/prod:shop-api"}};

/// Of a route: with what the sample has in place of what varies.
inline std::string example_path(std::string path) {
    for (const auto* name : {":name/status", ":name", ":env", "deploys/:id", "approvals/:id"})
        if (const auto at = path.find(name); at != std::string::npos)
            path.replace(at, std::string_view{name}.size(), kExamples.at(name));
    return path;
}

}  // namespace tidegate::status
