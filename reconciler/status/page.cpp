#include "reconciler/status/page.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <vector>

#include "reconciler/status/embedded.h"
#include "schema/base/digest.h"
#include "schema/base/limits.h"
#include "schema/base/utf8.h"

namespace tidegate::status {
namespace {

/// Text of ours and escaped text of others, never mixed up: `raw` for the one, `text` for the
/// other.
class Html {
public:
    Html& raw(std::string_view markup) {
        out_ += markup;
        return *this;
    }
    Html& text(std::string_view words) {
        out_ += escape_html(visible_lines(words));
        return *this;
    }
    Html& element(std::string_view tag, std::string_view style, std::string_view words) {
        return raw("<")
            .raw(tag)
            .raw(" class=\"")
            .text(style)
            .raw("\">")
            .text(words)
            .raw("</")
            .raw(tag)
            .raw(">");
    }
    Html& badge(std::string_view state) {
        const auto style = fmt::format("badge {}", state);
        std::string words{state};
        std::ranges::replace(words, '_', ' ');
        return element("span", style, words);
    }
    Html& cell(std::string_view words, std::string_view style = {}) {
        return element("td", style, words);
    }
    Html& section(std::string_view title, std::size_t count) {
        raw("<section><h2>").text(title);
        return element("span", "count", std::to_string(count)).raw("</h2>");
    }
    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    std::string out_;
};

std::string commit_or(const std::string& commit, const char* otherwise) {
    return commit.empty() ? otherwise : commit.substr(0, 10);
}

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

std::string last_good_words(const std::optional<LastGood>& good) {
    if (!good) return "–";
    return good->absent ? "absent" : good->version;
}

bool is_in_git(const AssignmentView& view) { return !view.desired_commit.empty(); }

std::string_view state_of(const AssignmentView& view) {
    const bool left_over = !is_in_git(view) && view.sync == Sync::out_of_sync;
    return left_over ? "orphaned" : to_string(view.sync);
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

void write_watches(Html& html, const Release& release, const Step& step) {
    int watched = 0;
    int passed = 0;
    for (const auto& [name, progress] : release.targets) {
        if (!progress.watch || progress.watch->step != step.index) continue;
        ++watched;
        passed += progress.watch->status == TargetStatus::success ? 1 : 0;
    }
    if (const auto* verify = std::get_if<VerifyWork>(&step.work))
        html.element("span", "small", " " + format_duration(verify->duration));
    if (watched > 0)
        html.element("span", "small", fmt::format(" {} of {} passed", passed, watched));
}

void write_steps(Html& html, const Release& release) {
    if (release.steps.empty()) return;
    html.raw("<ol class=\"steps\">");
    for (const auto& step : release.steps) {
        html.raw("<li class=\"").text(to_string(step.status)).raw("\">");
        html.element("b", "", fmt::format("{} {}", step.index, to_string(kind_of(step))));
        if (!deploy_of(step)) write_watches(html, release, step);
        if (!targets_of(step).empty())
            html.element("span", "small",
                         fmt::format(" {} target{}", targets_of(step).size(),
                                     targets_of(step).size() == 1 ? "" : "s"));
        html.raw("</li>");
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

void write_release(Html& html, const Release& release) {
    html.raw("<article class=\"release\"><header>").badge(to_string(release.status));
    html.raw(" ").element("b", "", release.key.text()).raw(" <span class=\"version\">");
    html.text(release.from.empty() ? "nothing" : release.from).raw(" → ").text(release.to);
    html.raw("</span> ")
        .element(
            "span", "small",
            fmt::format("{} · {} · {} · {}", to_string(release.kind), to_string(release.strategy),
                        release.author, when(release.created_at)));
    html.raw(" ");
    write_release_link(html, release.id);
    html.raw("</header>");
    if (!release.reason.empty()) html.element("p", "reason", release.reason);
    write_holds(html, release.holds);
    write_steps(html, release);
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

void write_releases(Html& html, const StatusSnapshot& snapshot) {
    html.section("Releases", snapshot.releases.size());
    const auto shown = releases_to_show(snapshot, 20);
    for (const auto* release : shown) write_release(html, *release);
    if (shown.empty()) html.element("p", "empty", "No release yet.");
    write_more(html, shown.size(), snapshot.releases.size(), "/api/release/deploys");
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
