#include "reconciler/status/page.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <tuple>
#include <vector>

#include "reconciler/status/embedded.h"
#include "reconciler/status/html.h"
#include "schema/base/digest.h"
#include "schema/base/limits.h"
#include "schema/base/utf8.h"

namespace tidegate::status {
namespace {

std::string commit_or(const std::string& commit, const char* otherwise) {
    return commit.empty() ? otherwise : commit.substr(0, 10);
}

void write_fact(Html& html, std::string_view name, std::string_view value) {
    html.raw("<div class=\"fact\">").element("span", "label", name).element("span", "value", value);
    html.raw("</div>");
}

void write_errors(Html& html, const char* style, const std::vector<Error>& errors) {
    if (errors.empty()) return;
    html.raw("<ul class=\"").raw(style).raw("\">");
    const auto shown = std::min<std::size_t>(errors.size(), 20);
    for (std::size_t i = 0; i < shown; ++i) {
        html.raw("<li>").element("code", "place", errors[i].position.text());
        html.raw(" ").text(errors[i].message).raw("</li>");
    }
    html.raw("</ul>");
    write_more(html, shown, errors.size(), "/api/release/config");
}

void write_config(Html& html, const StatusSnapshot& snapshot) {
    const auto& config = snapshot.config;
    html.raw("<section class=\"config\"><h2>Config repo ");
    html.badge(config.tip_commit.empty() ? "unknown" : to_string(config.tip_state));
    html.raw("</h2><div class=\"facts\">");
    write_fact(html, "branch", snapshot.branch);
    write_fact(html, "accepted", commit_or(config.accepted_commit, "nothing yet"));
    write_fact(html, "accepted at", when(config.accepted_at));
    write_fact(html, "tip", commit_or(config.tip_commit, "not seen yet"));
    write_fact(html, "last poll", when(config.last_poll_at));
    write_fact(html, "agents",
               fmt::format("{} of {} online", snapshot.agents_online, snapshot.agents_known));
    html.raw("</div>");
    if (!config.poll_error.empty())
        html.element("p", "alert", fmt::format("last poll failed: {}", config.poll_error));
    write_errors(html, "errors", config.errors);
    write_errors(html, "warnings", config.warnings);
    html.raw("</section>");
}

/// A bar of the targets' states; presentational attributes, because the policy forbids styles.
void write_bar(Html& html, const TargetCounts& counts) {
    const int total = std::max(1, counts.total);
    html.raw(
        fmt::format("<svg class=\"bar\" viewBox=\"0 0 {} 10\" preserveAspectRatio=\"none\" "
                    "aria-hidden=\"true\">",
                    total));
    int from = 0;
    const auto part = [&](std::string_view style, int size) {
        size = std::min(size, total - from);
        if (size <= 0) return;
        html.raw(fmt::format("<rect class=\"{}\" x=\"{}\" width=\"{}\" height=\"10\"/>", style,
                             from, size));
        from += size;
    };
    part("in_sync", counts.in_sync);
    part("updating", counts.updating);
    part("failed", counts.failed);
    html.raw("</svg>");
}

std::string words_of(const TargetCounts& counts) {
    if (counts.total == 0) return "no targets";
    auto text = fmt::format("{}/{}", counts.in_sync, counts.total);
    const auto add = [&](int count, std::string_view what) {
        if (count > 0) text += fmt::format(" · {} {}", count, what);
    };
    add(counts.updating, "updating");
    add(counts.failed, "failed");
    add(counts.offline, "offline");
    add(counts.drifted, "drifted");
    return text;
}

std::string last_good_words(const std::optional<LastGood>& good) {
    if (!good) return "–";
    return good->absent ? "absent" : good->version;
}

bool is_in_git(const AssignmentView& view) { return !view.desired_commit.empty(); }

std::string_view state_of(const AssignmentView& view) {
    const bool left_over = !is_in_git(view) && view.sync == Sync::out_of_sync;
    return left_over ? "orphaned" : to_string(view.sync);
}

/// `blue 75 % · green 25 %`.
std::string words_of(const std::map<std::string, int>& weights) {
    std::string text;
    for (const auto& [slot, weight] : weights)
        text += fmt::format("{}{} {} %", text.empty() ? "" : " · ", slot.empty() ? "no slot" : slot,
                            weight);
    return text;
}

std::string first_names(const std::vector<std::string>& names) {
    constexpr std::size_t kShown = 5;
    const auto shown = std::min(names.size(), kShown);
    auto text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, ", "));
    if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
    return text;
}

std::string words_of(const RouterView& router) {
    if (!router.online) return fmt::format("router {} is away", router.target);
    if (router.error.empty()) return fmt::format("router {} is asked to", router.target);
    return fmt::format("router {}: {}", router.target, router.error);
}

/// Where the traffic goes, and which routers do not do that (yet), or have something to say.
void write_sides(Html& html, const SidesView& sides) {
    constexpr std::ptrdiff_t kShown = 5;
    auto text = "live " + (sides.live.empty() ? "without a slot" : sides.live);
    if (const auto weights = words_of(sides.weights); !weights.empty())
        text += ", traffic: " + weights;
    const auto& routers = sides.routers;
    const auto in_force = std::ranges::count_if(routers, &RouterView::in_force);
    if (!routers.empty())
        text += fmt::format(", {} of {} routers in force", in_force, routers.size());
    html.element("div", "note", text);
    std::ptrdiff_t shown = 0;
    for (const auto& router : routers)
        if ((!router.in_force || !router.error.empty()) && shown++ < kShown)
            html.element("div", "note", words_of(router));
    if (shown > kShown)
        html.element("div", "note", fmt::format("and {} more routers", shown - kShown));
    if (!sides.out.empty())
        html.element("div", "note", "no traffic while it changes: " + first_names(sides.out));
    if (sides.kept_until)
        html.element("div", "note", "the other slot is kept until " + when(sides.kept_until));
}

void write_assignment(Html& html, const AssignmentView& view) {
    html.raw("<tr><td class=\"name\">").element("b", "", view.key.project);
    html.raw("</td>").cell(view.key.environment).raw("<td>").badge(state_of(view)).raw("</td>");
    if (is_in_git(view))
        html.cell(view.desired_version, "version");
    else
        html.cell("no longer in Git", "small");
    html.cell(last_good_words(view.last_good), "version");
    html.raw("<td class=\"targets\">");
    if (view.targets.total > 0) write_bar(html, view.targets);
    if (is_in_git(view)) html.element("span", "small", words_of(view.targets));
    html.raw("</td><td>");
    if (!view.release.empty()) write_release_link(html, view.release);
    write_holds(html, view.holds);
    if (view.sides) write_sides(html, *view.sides);
    if (view.behind_since)
        html.element("div", "note", "a target is behind since " + when(view.behind_since));
    for (const auto& note : view.drift)
        html.element("div", "note",
                     fmt::format("{} {}: {}", note.target,
                                 note.drifted ? "drifted" : "may have drifted, nobody can tell",
                                 note.reason));
    for (const auto& target : view.orphaned) html.element("div", "note", "orphaned on " + target);
    if (!view.revert_note.empty()) html.element("div", "note", view.revert_note);
    html.raw("</td></tr>");
}

void write_assignments(Html& html, const StatusSnapshot& snapshot) {
    html.section("Assignments", snapshot.assignments.size());
    html.raw(
        "<div class=\"scroll\"><table><thead><tr><th>Project<th>Environment<th>Sync<th>Desired"
        "<th>Last good<th>Targets<th>Release and holds</tr></thead><tbody>");
    std::size_t shown = 0;
    for (const auto& [key, view] : snapshot.assignments) {
        if (shown == limits::kHttpWebRowsMax) break;
        write_assignment(html, *view);
        ++shown;
    }
    html.raw("</tbody></table></div>");
    write_more(html, shown, snapshot.assignments.size(), "/api/release/assignments");
    html.raw("</section>");
}

void write_target(Html& html, const TargetView& target) {
    html.raw("<div class=\"target ").text(to_string(target.status)).raw("\"><header>");
    html.element("span", "dot", "").element("b", "", target.name);
    html.element("span", "small", target.environment).raw("</header>");
    for (const auto& installation : target.installations) {
        html.raw("<div class=\"installed\">").text(installation.key.project).raw(" ");
        if (!installation.key.slot.empty()) html.element("span", "small", installation.key.slot);
        html.element("span", "version", installation.version);
        if (!installation.tried_version.empty())
            html.element("span", "small", " tried " + installation.tried_version);
        if (installation.drifted) html.badge("drifted");
        if (installation.status != InstallStatus::installed)
            html.badge(to_string(installation.status));
        if (!installation.drift_reason.empty())
            html.element("div", "small", installation.drift_reason);
        html.raw("</div>");
    }
    for (const auto& trouble : target.troubles)
        html.element("div", "small", trouble.project + ": host trouble, " + trouble.reason);
    if (target.status != AgentStatus::online)
        html.element("div", "small", "last seen " + when(target.last_seen_at));
    html.raw("</div>");
}

void write_targets(Html& html, const StatusSnapshot& snapshot) {
    html.section("Targets", snapshot.targets.size()).raw("<div class=\"grid\">");
    std::size_t shown = 0;
    for (const auto& [name, target] : snapshot.targets) {
        if (shown == limits::kHttpWebRowsMax) break;
        write_target(html, *target);
        ++shown;
    }
    html.raw("</div>");
    write_more(html, shown, snapshot.targets.size(), "/api/release/environments");
    html.raw("</section>");
}

std::string base64(std::span<const std::uint8_t> bytes) {
    constexpr std::string_view kLetters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto at = [&](std::size_t k) -> unsigned { return k < bytes.size() ? bytes[k] : 0U; };
        const unsigned group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
        for (unsigned k = 0; k < 4; ++k)
            out += i + k <= bytes.size() ? kLetters[group >> (18 - 6 * k) & 63U] : '=';
    }
    return out;
}

}  // namespace

std::string when(const std::optional<Timestamp>& at) {
    if (!at) return "–";
    auto text = format_rfc3339(std::chrono::floor<std::chrono::seconds>(*at));
    text[text.find('T')] = ' ';
    return text.substr(0, text.size() - 1) + " UTC";
}

void write_more(Html& html, std::size_t shown, std::size_t total, std::string_view where) {
    if (shown >= total) return;
    html.raw("<p class=\"more\">")
        .text(fmt::format("{} more in ", total - shown))
        .raw("<a href=\"");
    html.text(where).raw("\">").text(where).raw("</a></p>");
}

void write_holds(Html& html, const std::vector<Hold>& holds) {
    for (const auto& hold : holds) {
        html.raw("<div class=\"hold\">").element("span", "gate", hold.gate);
        html.raw(" ").text(hold.reason);
        if (hold.until) {
            const auto local = hold.until_local.empty() ? "" : " · " + hold.until_local;
            html.element("span", "until", " until " + when(hold.until) + local);
        }
        html.raw("</div>");
    }
}

void write_release_link(Html& html, const std::string& id) {
    html.raw("<a class=\"id\" href=\"/api/release/deploys/").text(id).raw("\">");
    html.text(id.substr(0, 8)).raw("</a>");
}

std::string escape_html(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    return out;
}

std::string render_page(const StatusSnapshot& snapshot) {
    Html html;
    html.raw(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
        "<meta http-equiv=\"refresh\" content=\"10\"><title>Tidegate</title><style>");
    html.raw(kPageStyle).raw("</style></head><body><header class=\"top\"><h1>Tidegate</h1>");
    html.element("span", "small",
                 fmt::format("{} · epoch {} · since {}", snapshot.version, snapshot.epoch,
                             when(snapshot.started_at)));
    html.raw(
        "<nav><a href=\"/api/release/assignments\">API</a><a href=\"/openapi.json\">OpenAPI"
        "</a><a href=\"/metrics\">Metrics</a></nav></header><main>");
    if (snapshot.fenced)
        html.element(
            "p", "alert",
            "Fenced: an agent has seen a newer reconciler. Nothing is dispatched from here.");
    write_config(html, snapshot);
    write_assignments(html, snapshot);
    write_releases(html, snapshot);
    write_targets(html, snapshot);
    html.raw(
        "</main><footer>Read-only. To change something, push to the config repo, or use the "
        "<code>tidegate</code> command.</footer></body></html>");
    return html.take();
}

const std::string& page_security_policy() {
    static const std::string kPolicy = fmt::format(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'",
        base64(Digest::of(kPageStyle).bytes()));
    return kPolicy;
}

}  // namespace tidegate::status
