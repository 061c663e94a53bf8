#pragma once
/// How far an action came before its agent died, and what may be done about it.
///
/// Checks, waits, stops and starts may be done twice; a script may not, and whether a `deploy` did
/// its work only the project's probe can say. So a journal that notes each task's begin and end
/// lets the rest of an interrupted pipeline run: nothing is skipped that would have found a bad
/// version.

#include <string>
#include <string_view>
#include <vector>

#include "schema/model/agent.h"

namespace tidegate::machine {

/// One task of an action: begun, or ended.
struct TaskNote {
    std::string action;
    std::string stage;
    int place = 0;      ///< in its stage, from 0
    TaskResult result;  ///< status `running` = begun, and no outcome is known

    friend bool operator==(const TaskNote&, const TaskNote&) = default;
};

/// What an action's journal says of its tasks.
struct Progress {
    /// Every task that had an effect was noted before it began; false for journals of builds that
    /// noted none.
    bool tracked = false;
    std::vector<TaskNote> notes;  ///< in the order in which they began; one for each task

    friend bool operator==(const Progress&, const Progress&) = default;
};
/// Adds a note, or replaces that of the same task.
void add(Progress& progress, TaskNote note);

/// Whether a task of that type may run a second time.
[[nodiscard]] bool repeats(std::string_view task_type);

/// Something on the host may be another than before: more has begun than waits and checks.
[[nodiscard]] bool touched(const Progress& progress);

/// Cancelled in the middle of nothing but what may run a second time.
[[nodiscard]] bool may_be_resumed(const std::vector<StageResult>& stages);

/// What of an interrupted action nobody knows.
enum class Doubt {
    none,    ///< nothing, the rest may run
    deploy,  ///< whether the `deploy` task did its work: the probe decides
    all,     ///< a script, or an uninstall, began and did not end
};
[[nodiscard]] Doubt doubt_about(const Action& action, const Progress& progress);

/// Nothing before the `deploy` task began: where that did nothing, all is as it was.
[[nodiscard]] bool deploy_came_first(const Action& action, const Progress& progress);

/// The probe has found the new version: the `deploy` task, and where nothing was noted all that
/// stands before it, has ended well.
[[nodiscard]] Progress with_deploy_done(const Action& action, Progress progress);

}  // namespace tidegate::machine
