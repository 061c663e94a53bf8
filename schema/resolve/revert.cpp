#include "schema/resolve/revert.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "schema/base/limits.h"
#include "schema/base/utf8.h"
#include "schema/resolve/key_edit.h"
#include "schema/resolve/resolve.h"

namespace tidegate {
namespace {

/// One line, bounded, so that no text of others can pose as a trailer.
std::string line_of(std::string_view text) {
    return one_line(head_of(text, limits::kRevertLineBytesMax));
}

std::string target_state(const RevertInput& input) {
    if (!input.last_good) return "nothing";
    return input.last_good->absent ? "absent" : line_of(input.last_good->version);
}

std::string message_of(const RevertInput& input, RevertKind kind, const std::string& note) {
    auto text = input.last_good
                    ? fmt::format("Revert {} to {}\n\n", input.key.text(), target_state(input))
                    : fmt::format("Remove {}: its first release failed\n\n", input.key.text());
    if (kind == RevertKind::plain_revert)
        text += fmt::format("This reverts commit {}.\n", input.guilty_commit);
    else
        text += fmt::format("Commit {} brought {} {}.\n", input.guilty_commit, input.key.text(),
                            line_of(input.guilty_version));
    if (kind == RevertKind::branch)
        text += fmt::format("For a person to merge: {}.\n", line_of(note));
    if (!input.evidence.empty()) text += "\nEvidence:\n";
    const auto lines = std::min(input.evidence.size(), limits::kRevertEvidenceLinesMax);
    for (std::size_t i = 0; i < lines; ++i)
        text += fmt::format("- {}\n", line_of(input.evidence[i]));
    text += fmt::format(
        "\nTidegate-Rollback: {}\nTidegate-Assignment: {}\nTidegate-Digest: {}\n"
        "Tidegate-Restores: {}\nTidegate-Reason: {}\n",
        input.release, input.key.text(), input.guilty.hex(),
        input.last_good ? input.last_good->digest.hex() : "none", line_of(input.reason));
    return text;
}

std::string branch_name(const RevertInput& input) {
    auto name = input.key.environment + '-' + input.key.project;
    std::replace(name.begin(), name.end(), '.', '-');  // ".." and ".lock" are no ref names
    return fmt::format("tidegate/revert-{}-{}", name, input.release.substr(0, 8));
}

RevertPlan nothing(std::string note) { return {RevertKind::nothing, {}, {}, {}, std::move(note)}; }

RevertPlan finished(const RevertInput& input, RevertKind kind, std::vector<RevertEdit> edits,
                    std::string note) {
    RevertPlan plan{kind, std::move(edits), message_of(input, kind, note), {}, std::move(note)};
    if (kind == RevertKind::branch) plan.branch = branch_name(input);
    return plan;
}

/// What a person is offered: all that the guilty commit changed and that can go back.
RevertPlan offer(const RevertInput& input, std::vector<RevertEdit> edits, std::string note) {
    if (edits.empty())
        for (const auto& file : input.guilty_files)
            if (file.can_go_back) edits.push_back({file.path, file.before});
    if (edits.empty()) return nothing(note + ", and no file of the guilty commit can be put back");
    return finished(input, RevertKind::branch, std::move(edits), std::move(note));
}

using Text = std::optional<std::string>;

/// What people steer by: no part of what is reverted.
constexpr std::array kSteering{"paused"sv, "pins"sv, "promote"sv, "retry"sv, "scheduled_release"sv};

bool steers(const std::string& text) {
    return std::any_of(kSteering.begin(), kSteering.end(),
                       [&](auto key) { return text.find(key) != std::string::npos; });
}

/// Whether nobody has edited it since, but for what they steer by.
bool is_untouched(const Text& tip, const Text& guilty) {
    if (!tip || !guilty) return tip == guilty;
    auto now = *tip;
    auto then = *guilty;
    for (const auto key : kSteering) {
        now = without_key(now, key);
        then = without_key(then, key);
    }
    return now == then;
}

bool resolves_to_good(const RevertInput& input, const Text& text) {
    return input.last_good && text && input.digest_with(text) == input.last_good->digest;
}

/// `good` with `paused` and `pins` as they stand at the tip and no lower `retry`: a lower one could
/// not be raised again to be heard. What steered the former release is over.
Result<Text> steered(const Text& good, const RevertInput& input) {
    const auto& tip = input.version_at_tip;
    if (!input.last_good) return Text{};
    if (!good || !tip || (!steers(*good) && !steers(*tip))) return good;
    auto text = without_key(without_key(*good, "promote"), "scheduled_release");
    for (const auto key : {"paused"sv, "pins"sv}) text = TRY(with_key_of(text, key, *tip));
    if (number_at(*tip, "retry") > number_at(text, "retry"))
        text = TRY(with_key_of(text, "retry", *tip));
    return Text{std::move(text)};
}

/// Whether putting back `text` is exactly what `git revert` of the guilty commit would do.
bool is_plain_revert(const RevertInput& input, const std::optional<std::string>& text) {
    return input.guilty_files.size() == 1 &&
           input.guilty_files[0].path == version_path(input.key) &&
           input.guilty_files[0].before == text;
}

}  // namespace

RevertPlan plan_revert(const RevertInput& input) {
    if (input.guilty_by_daemon) return nothing("the guilty commit is a revert of our own");
    if (input.tip_digest != input.guilty)
        return nothing("the branch no longer asks for the guilty state; the newer wish wins");

    const auto path = version_path(input.key);
    const bool to_parent = resolves_to_good(input, input.version_at_parent);
    const auto made = steered(to_parent ? input.version_at_parent : input.version_at_good, input);
    if (!made) return offer(input, {}, made.error().message);
    const auto& text = *made;
    std::vector<RevertEdit> edits;
    if (text != input.version_at_tip) edits.push_back({path, text});

    const bool brings_back = !input.last_good || resolves_to_good(input, text);
    if (!is_untouched(input.version_at_tip, input.version_at_guilty))
        return offer(input, brings_back ? std::move(edits) : std::vector<RevertEdit>{},
                     "the version file was edited since the guilty commit");
    if (!brings_back)
        return offer(input, {}, "the version file alone does not bring back the last good state");
    if (!input.branch_only_reason.empty())
        return offer(input, std::move(edits), input.branch_only_reason);
    if (!input.last_good)
        return finished(input, RevertKind::remove, std::move(edits),
                        "it was never installed with success, so its version file goes");
    if (is_plain_revert(input, text))
        return finished(input, RevertKind::plain_revert, std::move(edits),
                        "reverts the guilty commit, which changed nothing else");
    return finished(
        input, RevertKind::put_back, std::move(edits),
        to_parent ? fmt::format("puts back {} as it was before {}", path, input.guilty_commit)
                  : fmt::format("puts back {} as it was at {}", path, input.last_good->commit));
}

}  // namespace tidegate
