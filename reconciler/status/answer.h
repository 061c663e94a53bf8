#pragma once
/// One question and its answer, free of any library. Internal to this folder.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "schema/base/time.h"
#include "schema/model/snapshot.h"

namespace tidegate::status {

struct Request {
    std::string method;
    std::string path;  ///< decoded, without the query
    std::map<std::string, std::string> query;
    std::string if_none_match;
    std::string last_event_id;
};

/// What an event stream follows.
struct Watch {
    std::string release;  ///< its id; empty = all assignments
    std::string seen;     ///< the id of the event that the client saw last (Last-Event-ID)
};

struct Answer {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> fields;
    std::optional<Watch> watch;  ///< the connection becomes an event stream
};

/// What answers need beside the snapshot; see Options in server.h.
struct Services {
    std::function<Timestamp()> now;
    std::function<std::string(const StatusSnapshot&)> render_metrics;
    std::function<std::optional<std::string>(const std::string&)> read_log;
    std::function<std::shared_ptr<const ZoneRules>(const std::string&)> find_zone;
    std::function<bool()> has_stream_room;
    bool show_values = false;
};

/// `{"error":{"code":…,"message":…}}`.
[[nodiscard]] Answer error_answer(int status, std::string_view code, std::string_view message);

}  // namespace tidegate::status
