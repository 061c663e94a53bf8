#include "reconciler/engine/revert_input.h"

#include <algorithm>

#include "schema/resolve/history.h"
#include "schema/resolve/revert.h"

namespace tidegate::engine {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t from = 0; from < text.size();) {
        const auto end = std::min(text.find('\n', from), text.size());
        lines.push_back(text.substr(from, end - from));
        from = end + 1;
    }
    return lines;
}

}  // namespace

Result<RevertInput> revert_input(const RevertRequest& request, const History& history) {
    RevertInput input;
    input.key = request.key;
    input.release = request.release;
    input.reason = request.reason;
    input.evidence = lines_of(request.evidence);
    input.guilty_version = request.guilty_version;
    input.guilty = request.guilty_digest;
    input.guilty_commit = request.guilty_commit;
    input.last_good = request.good;
    const auto found = history.assignments.find(request.key);
    if (found == history.assignments.end() || !found->second.present) return input;
    const auto& facts = found->second;
    if (!facts.held_at.empty())
        return fail(ErrorCode::conflict, "{} is not valid at the tip: the revert waits",
                    request.key.text());
    input.guilty_by_daemon =
        facts.intent.by_daemon && facts.intent.digest_commit == request.guilty_commit;
    input.tip_digest = facts.digest;
    return input;
}

}  // namespace tidegate::engine
