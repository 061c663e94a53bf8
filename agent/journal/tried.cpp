#include "agent/journal/tried.h"

namespace tidegate::agent {
namespace {

/// Refused and cancelled ones may have left everything as it was.
bool left_something(const Action& action, const Installation& there) {
    return there.digest == action.digest &&
           (there.status == InstallStatus::failed || there.status == InstallStatus::unknown);
}

}  // namespace

/// A restore that failed takes nothing's place: what it was to take away may still run.
void note_outcome(TriedActions& tried, const Action& action, const ActionResult& result) {
    if (result.outcome == ActionOutcome::done) {
        if (action.kind != ActionKind::verify) tried.erase(action.key);
    } else if (goes_forward(action.kind) && left_something(action, result.installation)) {
        tried.insert_or_assign(action.key, action);
    }
}

}  // namespace tidegate::agent
