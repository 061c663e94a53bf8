#include "cli/former.h"

#include <algorithm>

#include "cli/version_edit.h"

namespace tidegate::cli {
namespace {

bool takes_away(const git::Commit& commit) {
    return std::ranges::any_of(commit.trailers, [](const git::Trailer& trailer) {
        return trailer.key == "Tidegate-Rollback" || trailer.key == kBackTo;
    });
}

/// The file as a commit made it; none where it is no version file that can be read.
Result<std::optional<FormerVersion>> read_state(const Tip& tip, const git::FileState& state) {
    if (state.blob.empty()) return std::optional<FormerVersion>{};
    auto text = TRY(tip.repository.blobs({state.blob})).front().content;
    auto version = read_version(tip.path, text);
    if (!version || version->version.empty()) return std::optional<FormerVersion>{};
    return std::optional<FormerVersion>{{version->version, std::move(text), state.commit.id}};
}

/// Versions in the order in which they came, each with its newest state; what was rolled back is
/// not there any more.
Result<std::vector<FormerVersion>> versions_of(const Tip& tip,
                                               const std::vector<git::FileState>& states) {
    std::vector<FormerVersion> stack;
    for (auto at = states.rbegin(); at != states.rend(); ++at) {
        auto state = TRY(read_state(tip, *at));
        if (!state) continue;
        const auto same = [&](const FormerVersion& former) {
            return former.version == state->version;
        };
        const auto known = std::ranges::find_if(stack, same);
        if (known != stack.end() && takes_away(at->commit)) stack.erase(known + 1, stack.end());
        std::erase_if(stack, same);
        stack.push_back(*std::move(state));
    }
    return stack;
}

}  // namespace

Result<FormerVersion> find_former(const Tip& tip, const std::string& wanted) {
    const auto states = TRY(tip.repository.file_line(tip.path, tip.commit));
    if (!wanted.empty()) {
        for (const auto& each : states)
            if (auto state = TRY(read_state(tip, each)); state && state->version == wanted)
                return *std::move(state);
        return fail(ErrorCode::not_found, "{} never had version {}", tip.path, wanted);
    }
    auto versions = TRY(versions_of(tip, states));
    if (versions.size() < 2)
        return fail(ErrorCode::not_found, "{} had no other version before", tip.path);
    return std::move(versions[versions.size() - 2]);
}

}  // namespace tidegate::cli
