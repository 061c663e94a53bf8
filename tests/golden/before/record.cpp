/// Records what this version says and writes, for the tests of the versions to come:
///
///     record_before FOLDER
///
/// Run it at a release, from its commit; what it wrote is never changed afterwards.

#include <filesystem>
#include <fstream>
#include <iostream>

#include "reconciler/store/sqlite_store.h"
#include "schema/wire/frame.h"
#include "tests/golden/before/line.h"
#include "tests/golden/before/sample.h"
#include "tests/golden/before/story.h"

namespace tidegate::before {
namespace {

namespace fs = std::filesystem;

template <class Message>
Result<void> record_frames(const fs::path& file, const std::vector<Message>& messages) {
    std::ofstream out{file, std::ios::binary};
    for (const auto& message : messages) out << wire::frame(TRY(wire::encode(message)));
    return {};
}

Result<void> record_journal(const fs::path& folder) {
    const auto journal = TRY(agent::Journal::open(folder));
    return journal->write(journal_records());
}

Result<void> record_store(const fs::path& file) {
    const auto store = TRY(open_sqlite_store(file));
    CHECK(store->begin_epoch(kBegin));
    const auto outcome = TRY(store->commit(told().batches));
    if (outcome != CommitOutcome::committed) return fail(ErrorCode::internal, "not committed");
    return {};
}

template <class Enum>
void record_names(std::ostream& out, const char* name) {
    out << name;
    for (const auto word : enum_names(Enum{})) out << ' ' << word;
    out << '\n';
}

/// What travels and is kept by name.
void record_names(const fs::path& file) {
    std::ofstream out{file};
    record_names<ActionKind>(out, "ActionKind");
    record_names<ActionOutcome>(out, "ActionOutcome");
    record_names<CheckType>(out, "CheckType");
    record_names<DeployType>(out, "DeployType");
    record_names<InstallStatus>(out, "InstallStatus");
    record_names<OnError>(out, "OnError");
    record_names<TaskStatus>(out, "TaskStatus");
    record_names<TaskType>(out, "TaskType");
    record_names<VariableType>(out, "VariableType");
}

Result<void> record(const fs::path& folder) {
    fs::create_directories(folder);
    CHECK(record_frames(folder / "agent.frames", from_agent()));
    CHECK(record_frames(folder / "daemon.frames", from_daemon()));
    CHECK(record_journal(folder / "journal"));
    CHECK(record_store(folder / "store.sqlite"));
    std::ofstream{folder / "history.json"} << followed_line().tracker.json();
    record_names(folder / "names.txt");
    return {};
}

}  // namespace
}  // namespace tidegate::before

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: record_before FOLDER\n";
        return 2;
    }
    const auto recorded = tidegate::before::record(argv[1]);
    if (!recorded) std::cerr << recorded.error().text() << '\n';
    return recorded ? 0 : 1;
}
