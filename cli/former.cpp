#include "cli/former.h"

#include <fmt/ranges.h>
#include <algorithm>

#include "cli/version_edit.h"
#include "reconciler/source/document_reader.h"

namespace tidegate::cli {
namespace {

bool takes_away(const git::Commit& commit) {
    return std::ranges::any_of(commit.trailers, [](const git::Trailer& trailer) {
        return trailer.key == "Tidegate-Rollback" || trailer.key == kBackTo;
    });
}

/// The file's text after this commit, if the commit changed it and it can be read.
Result<std::optional<FormerVersion>> state_after(const Tip& tip, const git::Commit& commit) {
    std::optional<git::TreeEntry> entry;
    if (commit.first_parent.empty()) {
        for (auto& present : TRY(tip.repository.tree(commit.id, source::DocumentReader::scope())))
            if (present.path == tip.path) entry = std::move(present);
    } else {
        for (auto& change : TRY(tip.repository.changes(commit.first_parent, commit.id,
                                                       source::DocumentReader::scope())))
            if (change.path == tip.path) entry = std::move(change.now);
    }
    if (!entry) return std::optional<FormerVersion>{};
    auto text = TRY(tip.repository.blobs({entry->blob})).front().content;
    auto version = read_version(tip.path, text);
    if (!version) return std::optional<FormerVersion>{};
    return std::optional<FormerVersion>{{version->version, std::move(text), commit.id}};
}

/// Versions in the order in which they came, each with its newest state; what was rolled back is
/// not there any more.
Result<std::vector<FormerVersion>> versions_of(const Tip& tip) {
    std::vector<FormerVersion> stack;
    for (const auto& commit : TRY(tip.repository.line({}, tip.commit))) {
        auto state = TRY(state_after(tip, commit));
        if (!state || state->version.empty()) continue;
        const auto same = [&](const FormerVersion& former) {
            return former.version == state->version;
        };
        const auto known = std::ranges::find_if(stack, same);
        if (known != stack.end() && takes_away(commit)) stack.erase(known + 1, stack.end());
        std::erase_if(stack, same);
        stack.push_back(*std::move(state));
    }
    return stack;
}

}  // namespace

Result<FormerVersion> find_former(const Tip& tip, const std::string& wanted) {
    if (!wanted.empty()) {
        const auto commits = TRY(tip.repository.line({}, tip.commit));
        for (auto commit = commits.rbegin(); commit != commits.rend(); ++commit)
            if (auto state = TRY(state_after(tip, *commit)); state && state->version == wanted)
                return *std::move(state);
        return fail(ErrorCode::not_found, "{} never had version {}", tip.path, wanted);
    }
    auto versions = TRY(versions_of(tip));
    if (versions.size() < 2)
        return fail(ErrorCode::not_found, "{} had no other version before", tip.path);
    return std::move(versions[versions.size() - 2]);
}

}  // namespace tidegate::cli
