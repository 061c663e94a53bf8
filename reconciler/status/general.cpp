#include "reconciler/status/embedded.h"
#include "reconciler/status/lists.h"
#include "reconciler/status/page.h"
#include "reconciler/status/routes.h"

namespace tidegate::status {

Answer show_healthz(const Call& call) {
    return json_answer({{"status", "ok"}, {"version", call.snapshot.version}});
}

Answer show_readyz(const Call& call) {
    if (const auto& trouble = call.snapshot.store_trouble; !trouble.empty())
        return error_answer(
            503, "unavailable",
            fmt::format("the store takes no writes, so nothing moves: {}", trouble));
    if (call.snapshot.ready) return json_answer({{"status", "ready"}});
    const auto& problem = call.snapshot.config.poll_error;
    const std::string reason = "no commit of the config repo was accepted yet";
    return error_answer(503, "unavailable",
                        problem.empty() ? reason : fmt::format("{}: {}", reason, problem));
}

Answer show_metrics(const Call& call) {
    Answer answer;
    answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
    answer.body = call.services.render_metrics(call.snapshot);
    return answer;
}

Answer show_openapi(const Call&) {
    Answer answer;
    answer.body = kOpenApi;
    return answer;
}

Answer show_page(const Call& call) {
    Answer answer;
    answer.content_type = "text/html; charset=utf-8";
    answer.body = render_page(call.snapshot);
    answer.fields.emplace_back("Content-Security-Policy", page_security_policy());
    answer.fields.emplace_back("Referrer-Policy", "no-referrer");
    return answer;
}

Answer show_config(const Call& call) { return json_answer(config_json(call.snapshot.config)); }

Answer list_assignments(const Call& call) {
    return paged(call.request, [&](PagedList& list) {
        for (const auto& [key, view] : call.snapshot.assignments) {
            if (list.full()) break;
            // A space sorts before all characters of a name, so the keys' order is that of the map.
            const auto text = key.environment + ' ' + key.project;
            if (list.wants(text)) list.add(text, assignment_json(*view));
        }
    });
}

Answer watch_assignments(const Call& call) {
    if (!call.services.has_stream_room())
        return error_answer(503, "exhausted", "too many event streams are open");
    Answer answer;
    answer.watch = Watch{{}, call.request.last_event_id};
    return answer;
}

}  // namespace tidegate::status
