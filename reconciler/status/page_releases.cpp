#include <tuple>
#include <vector>

#include "reconciler/status/html.h"
#include "reconciler/status/views.h"
#include "reconciler/status/way_back.h"

namespace tidegate::status {
namespace {

/// How many there are, and how many of them are through.
struct Progress {
    std::size_t all = 0;
    std::size_t through = 0;

    void add(bool is_through) {
        ++all;
        through += is_through ? 1 : 0;
    }
    [[nodiscard]] std::string text(std::string_view what) const {
        return all == 0 ? "" : fmt::format(" · {} of {} {}", through, all, what);
    }
};

Progress deployed_by(const Release& release, const DeployWork& work) {
    Progress progress;
    for (const auto& name : work.targets) {
        const auto found = release.targets.find(name);
        progress.add(found != release.targets.end() &&
                     found->second.status == TargetStatus::success);
    }
    return progress;
}

Progress watched_by(const Release& release, const Step& step) {
    Progress progress;
    for (const auto& [name, target] : release.targets)
        if (target.watch && target.watch->step == step.index)
            progress.add(target.watch->status == TargetStatus::success);
    return progress;
}

/// What a step does, and how far it is.
struct StepWords {
    const Release& release;
    const Step& step;
    const AssignmentView* view;

    std::string operator()(const DeployWork& work) const {
        return deployed_by(release, work).text("targets deployed");
    }
    std::string operator()(const VerifyWork& work) const {
        return fmt::format(" for {}{}", format_duration(work.duration),
                           watched_by(release, step).text("passed"));
    }
    std::string operator()(const AwaitWork& work) const {
        return fmt::format(" {} promote{}", work.approver ? "an approver's" : "a",
                           watched_by(release, step).text("passed"));
    }
    std::string operator()(const RouteWork& work) const {
        const auto where = release.slot.empty() ? "" : " to " + release.slot;
        Progress routers;
        if (view && view->sides && step.status == StepStatus::running)
            for (const auto& router : view->sides->routers) routers.add(router.in_force);
        return fmt::format(" {} %{}{}", work.weight, where, routers.text("routers in force"));
    }
};

void write_steps(Html& html, const Release& release, const AssignmentView* view) {
    if (release.steps.empty()) return;
    html.raw("<ol class=\"steps\">");
    for (const auto& step : release.steps) {
        html.raw("<li class=\"").text(to_string(step.status)).raw("\">");
        html.element("b", "", fmt::format("{} {}", step.index, to_string(kind_of(step))));
        auto words = std::visit(StepWords{release, step, view}, step.work);
        if (step.entry > 0) words += fmt::format(" · entry {}", step.entry);
        html.element("span", "small", words).raw("</li>");
    }
    html.raw("</ol>");
}

/// Only while it may be taken, is, or was.
void write_way_back(Html& html, const StatusSnapshot& snapshot, const Release& release) {
    const bool taken = planner::is_taken_back(release);
    if (!taken && !is_active(release.status)) return;
    const auto steps = way_back_of(snapshot, release);
    if (steps.empty()) return;
    html.element("p", "small", taken ? "way back" : "if it fails now");
    html.raw("<ol class=\"steps\">");
    for (const auto& step : steps) {
        html.raw("<li class=\"").text(to_string(step.status)).raw("\">");
        html.element("b", "", fmt::format("{} {}", step.index, to_string(step.kind)));
        auto words = " " + step.does;
        const auto* what = step.kind == planner::BackKind::route ? "routers" : "targets";
        if (step.all > 0)
            words += taken ? fmt::format(" · {} of {} {}", step.done, step.all, what)
                           : fmt::format(" · {} {}", step.all, what);
        html.element("span", "small", words).raw("</li>");
    }
    html.raw("</ol>");
}

void write_progress(Html& html, const Release& release) {
    constexpr std::size_t kShown = 60;
    if (release.targets.empty()) return;
    html.raw("<div class=\"chips\">");
    std::size_t shown = 0;
    for (const auto& [name, target] : release.targets) {
        if (shown++ == kShown) break;
        html.raw("<span class=\"chip ").text(to_string(target.status)).raw("\" title=\"");
        html.text(to_string(target.status)).text(target.error.empty() ? "" : ": ");
        html.text(target.error).raw("\">").text(name).raw("</span>");
    }
    html.raw("</div>");
    write_more(html, std::min(shown, kShown), release.targets.size(),
               "/api/release/deploys/" + release.id);
}

std::string or_nothing(const std::string& version) { return version.empty() ? "nothing" : version; }

/// What is retired goes, and nothing comes in its place.
std::string versions_of(const Release& release) {
    if (release.kind == ReleaseKind::retire) return or_nothing(release.to) + " → nothing";
    return or_nothing(release.from) + " → " + or_nothing(release.to);
}

std::string facts_of(const Release& release) {
    return fmt::format("{} · {}{} · {} · {}", to_string(release.kind), to_string(release.strategy),
                       release.slot.empty() ? "" : " · slot " + release.slot, release.author,
                       when(release.created_at));
}

void write_release(Html& html, const StatusSnapshot& snapshot, const Release& release) {
    html.raw("<article class=\"release\"><header>").badge(to_string(release.status));
    html.raw(" ").element("b", "", release.key.text()).raw(" <span class=\"version\">");
    html.text(versions_of(release));
    html.raw("</span> ").element("span", "small", facts_of(release)).raw(" ");
    write_release_link(html, release.id);
    html.raw("</header>");
    if (!release.reason.empty()) html.element("p", "reason", release.reason);
    write_holds(html, release.holds);
    write_steps(html, release, view_of(snapshot, release.key));
    write_way_back(html, snapshot, release);
    write_progress(html, release);
    html.raw("</article>");
}

/// Active ones first, then the newest.
std::vector<const Release*> releases_to_show(const StatusSnapshot& snapshot, std::size_t most) {
    std::vector<const Release*> all;
    for (const auto& [id, release] : snapshot.releases) all.push_back(release.get());
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(most, all.size()));
    std::partial_sort(all.begin(), end, all.end(), [](const Release* a, const Release* b) {
        return std::tuple(is_final(a->status), b->created_at, a->id) <
               std::tuple(is_final(b->status), a->created_at, b->id);
    });
    all.erase(end, all.end());
    return all;
}

}  // namespace

void write_releases(Html& html, const StatusSnapshot& snapshot) {
    html.section("Releases", snapshot.releases.size());
    const auto shown = releases_to_show(snapshot, 20);
    for (const auto* release : shown) write_release(html, snapshot, *release);
    if (shown.empty()) html.element("p", "empty", "No release yet.");
    write_more(html, shown.size(), snapshot.releases.size(), "/api/release/deploys");
    html.raw("</section>");
}

}  // namespace tidegate::status
