#pragma once
/// JSON bodies of the rows that the engine persists. Unknown fields are ignored and missing ones
/// keep their default, so that a newer or older daemon can read them. Errors: `invalid`.

#include <string>
#include <string_view>

#include "schema/model/release.h"

namespace tidegate {

/// Whole, for tests and tools.
[[nodiscard]] std::string to_json(const Release& release);
[[nodiscard]] std::string to_json(const ReleaseHead& release);
[[nodiscard]] std::string to_json(const Step& step);
[[nodiscard]] std::string to_json(const TargetProgress& progress);
[[nodiscard]] std::string to_json(const OutboxEntry& entry);
[[nodiscard]] std::string to_json(const Quarantine& quarantine);
[[nodiscard]] std::string to_json(const Block& block);
[[nodiscard]] std::string to_json(const GoodState& good);
[[nodiscard]] std::string to_json(const OwnRevert& revert);
[[nodiscard]] std::string to_json(const Sides& sides);
[[nodiscard]] std::string to_json(const Route& route);
[[nodiscard]] std::string to_json(const Installation& installation);
[[nodiscard]] std::string to_json(Lived lived);
[[nodiscard]] std::string to_json(const Action& action);
[[nodiscard]] std::string to_json(const ActionResult& result);

[[nodiscard]] Result<Release> release_from_json(std::string_view text);
[[nodiscard]] Result<Step> step_from_json(std::string_view text);
[[nodiscard]] Result<TargetProgress> target_progress_from_json(std::string_view text);
[[nodiscard]] Result<OutboxEntry> outbox_entry_from_json(std::string_view text);
[[nodiscard]] Result<Quarantine> quarantine_from_json(std::string_view text);
[[nodiscard]] Result<Block> block_from_json(std::string_view text);
[[nodiscard]] Result<GoodState> good_state_from_json(std::string_view text);
[[nodiscard]] Result<OwnRevert> own_revert_from_json(std::string_view text);
[[nodiscard]] Result<Sides> sides_from_json(std::string_view text);
[[nodiscard]] Result<Route> route_from_json(std::string_view text);
[[nodiscard]] Result<Installation> installation_from_json(std::string_view text);
[[nodiscard]] Result<Lived> lived_from_json(std::string_view text);
[[nodiscard]] Result<Action> action_from_json(std::string_view text);
[[nodiscard]] Result<ActionResult> action_result_from_json(std::string_view text);

}  // namespace tidegate
