#pragma once
/// The JSON forms of what snapshots hold (design, section 7). Keys in the order in which people
/// read them; times RFC 3339 UTC; what is not known is null. Internal to this folder.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "schema/model/snapshot.h"

namespace tidegate::status {

using Json = nlohmann::ordered_json;

/// Compact text; bytes that are not UTF-8 (a script's output) are replaced.
[[nodiscard]] std::string print(const Json& json);

[[nodiscard]] Json or_null(const std::string& text);
[[nodiscard]] Json or_null(const std::optional<Timestamp>& at);

/// What identifies a state of the daemon to event streams.
[[nodiscard]] std::string event_id(const StatusSnapshot& snapshot);

[[nodiscard]] Json holds_json(const std::vector<Hold>& holds);
[[nodiscard]] Json last_good_json(const std::optional<LastGood>& good);
[[nodiscard]] Json drift_json(const std::vector<DriftNote>& notes);
[[nodiscard]] Json routers_json(const std::vector<RouterView>& routers);
[[nodiscard]] Json assignment_json(const AssignmentView& view);
/// Without steps and targets, as lists show it.
[[nodiscard]] Json release_summary_json(const Release& release);
/// `view`: of its assignment, for how far the routers are; null: nobody knows.
[[nodiscard]] Json release_json(const Release& release, const AssignmentView* view);
/// Null: it has none (any more).
[[nodiscard]] const AssignmentView* view_of(const StatusSnapshot& snapshot,
                                            const AssignmentKey& key);
[[nodiscard]] Json target_json(const TargetView& target);
[[nodiscard]] Json config_json(const ConfigStatus& config);
/// Name and type; the value only of types that hold no secret, and null unless `show_values`:
/// what people wrote as plain text may be one all the same.
[[nodiscard]] Json variable_json(const std::string& name, const Variable& variable,
                                 bool show_values);
/// Without credentials and without the query, which may carry a signature.
[[nodiscard]] std::string public_url(const std::string& url);

}  // namespace tidegate::status
