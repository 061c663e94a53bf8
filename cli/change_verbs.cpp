#include "cli/change_verbs.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/approval.h"
#include "cli/former.h"
#include "cli/version_edit.h"

namespace tidegate::cli {
namespace {

struct Current {
    std::string text;
    Version version;
};

Result<Current> read_current(const Tip& tip) {
    if (!tip.text) return fail(ErrorCode::not_found, "there is no {} at {}", tip.path, tip.commit);
    auto version = TRY(read_version(tip.path, *tip.text));
    return Current{*tip.text, std::move(version)};
}

using Edit = std::function<Result<FileChange>(const Tip&)>;

int write(const Console& console, const ChangeOptions& options, Timestamp now, Edit edit) {
    const auto written =
        write_change({options.where, options.key, options.reason, std::move(edit), now});
    if (!written) return report(console, written.error());
    if (console.format == Format::json) {
        console.print({{"assignment", options.key.text()},
                       {"commit", written->commit.empty() ? nlohmann::json{}
                                                          : nlohmann::json(written->commit)},
                       {"parent", written->parent},
                       {"summary", written->subject}});
    } else if (written->commit.empty()) {
        console.out << fmt::format("nothing to do: {}\n", clean(written->subject));
    } else {
        console.out << fmt::format("{}\n{} on {}\n", clean(written->subject), written->commit,
                                   options.where.branch);
    }
    return kGood;
}

Result<FileChange> nothing(std::string why) { return FileChange{{}, std::move(why), {}}; }

Result<FileChange> edit_rollback(const Tip& tip, const std::string& name, const std::string& to) {
    const auto current = TRY(read_current(tip));
    const auto& version = current.version.version;
    if (version == to) return nothing(fmt::format("{} is at {}", name, to));
    const auto former = TRY(find_former(tip, to));
    // A state that was paused would go nowhere; a promote spoke of the release of that time.
    auto text = without_key(without_key(former.text, "paused"), "promote");
    if (text.find("pins") != std::string::npos || !current.version.pins.empty())
        text = TRY(with_key_of(text, "pins", current.text));
    if (current.version.retry > number_at(text, "retry"))
        text = TRY(with_key(text, "retry", std::to_string(current.version.retry)));
    return FileChange{std::move(text),
                      fmt::format("Roll back {} from {} to {}", name, version, former.version),
                      {{std::string{kBackTo}, former.commit}}};
}

Result<FileChange> edit_pause(const Tip& tip, const std::string& name) {
    const auto current = TRY(read_current(tip));
    if (current.version.paused) return nothing(fmt::format("{} is paused", name));
    return FileChange{TRY(with_key(current.text, "paused", "true")), "Pause " + name, {}};
}

Result<FileChange> edit_resume(const Tip& tip, const std::string& name) {
    const auto current = TRY(read_current(tip));
    if (!current.version.paused) return nothing(fmt::format("{} is not paused", name));
    return FileChange{without_key(current.text, "paused"), "Resume " + name, {}};
}

Result<FileChange> edit_retry(const Tip& tip, const std::string& name) {
    const auto current = TRY(read_current(tip));
    const auto count = std::to_string(current.version.retry + 1);
    return FileChange{TRY(with_key(without_key(current.text, "promote"), "retry", count)),
                      fmt::format("Retry {} {}", name, current.version.version),
                      {}};
}

Result<FileChange> edit_promote(const Tip& tip, const std::string& name,
                                const PromoteOptions& options) {
    const auto current = TRY(read_current(tip));
    const auto& version = current.version.version;
    if (version.empty())
        return fail(ErrorCode::invalid, "{} names no version that could be promoted", tip.path);
    const Promote wanted{version, options.step, options.full};
    const auto where = wanted.full ? "to full" : fmt::format("past step {}", wanted.step);
    if (current.version.promote == wanted)
        return nothing(fmt::format("{} {} is promoted {}", name, version, where));
    return FileChange{TRY(with_key(current.text, "promote", promote_text(wanted))),
                      fmt::format("Promote {} {} {}", name, version, where),
                      {}};
}

/// The commit is made all the same: it passes the awaits that take anybody's promote.
void warn_of_approval(const Console& console, const ChangeOptions& options, const Tip& tip,
                      Timestamp now) {
    const auto person = author_of(options.where.author);
    if (!person) return;
    const auto why = why_not_approved(tip.repository, tip.commit, {options.key, *person, now});
    if (!why.empty())
        console.err << fmt::format("warning: what waits for an approver goes on waiting: {}\n",
                                   clean(why));
}

Result<FileChange> edit_pin(const Tip& tip, const std::string& name, const PinOptions& options) {
    const auto current = TRY(read_current(tip));
    if (!options.remove) CHECK(find_former(tip, options.version));
    auto pins = current.version.pins;
    const auto of_target = [&](const Pin& p) { return p.target.name == options.target; };
    const auto found = std::ranges::find_if(pins, of_target);
    if (options.remove && found == pins.end())
        return nothing(fmt::format("{} has no pin on {}", name, options.target));
    if (options.remove)
        pins.erase(found);
    else if (found != pins.end())
        found->version = options.version;
    else
        pins.push_back({{options.target, {}}, options.version});
    auto text = pins.empty() ? without_key(current.text, "pins")
                             : TRY(with_key(current.text, "pins", pins_text(pins)));
    auto subject = options.remove
                       ? fmt::format("Unpin {} on {}", name, options.target)
                       : fmt::format("Pin {} on {} to {}", name, options.target, options.version);
    return FileChange{std::move(text), std::move(subject), {}};
}

}  // namespace

int roll_back(const Console& console, const RollbackOptions& options, Timestamp now) {
    const auto name = options.change.key.text();
    return write(console, options.change, now,
                 [&](const Tip& tip) { return edit_rollback(tip, name, options.to); });
}

int pause(const Console& console, const ChangeOptions& options, Timestamp now) {
    return write(console, options, now,
                 [&](const Tip& tip) { return edit_pause(tip, options.key.text()); });
}

int resume(const Console& console, const ChangeOptions& options, Timestamp now) {
    return write(console, options, now,
                 [&](const Tip& tip) { return edit_resume(tip, options.key.text()); });
}

int retry(const Console& console, const ChangeOptions& options, Timestamp now) {
    return write(console, options, now,
                 [&](const Tip& tip) { return edit_retry(tip, options.key.text()); });
}

int promote(const Console& console, const PromoteOptions& options, Timestamp now) {
    const auto name = options.change.key.text();
    return write(console, options.change, now, [&](const Tip& tip) -> Result<FileChange> {
        auto change = TRY(edit_promote(tip, name, options));
        if (change.text) warn_of_approval(console, options.change, tip, now);
        return change;
    });
}

int pin(const Console& console, const PinOptions& options, Timestamp now) {
    const auto name = options.change.key.text();
    return write(console, options.change, now,
                 [&](const Tip& tip) { return edit_pin(tip, name, options); });
}

}  // namespace tidegate::cli
