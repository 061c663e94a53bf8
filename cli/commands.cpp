#include "cli/commands.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>

#include "schema/base/nearest.h"
#include "schema/base/utf8.h"

namespace tidegate::cli {
namespace {

const std::map<std::string, Format> kFormats{
    {"text", Format::text}, {"json", Format::json}, {"markdown", Format::markdown}};

Format format_of(const std::string& name) {
    const auto found = kFormats.find(name);
    if (found != kFormats.end()) return found->second;
    throw CLI::ValidationError(
        "--output",
        fmt::format("expected text or json (or markdown, for plan and simulate), got '{}'",
                    head_of(name, 64)));
}

void describe(CLI::App& app, Session& session) {
    app.name("tidegate");
    app.set_version_flag("--version", "tidegate " TIDEGATE_VERSION);
    app.require_subcommand(1);
    app.fallthrough();
    app.get_formatter()->column_width(34);
    app.add_option_function<std::string>(
           "--output", [&session](const auto& name) { session.console.format = format_of(name); },
           "text, json, or markdown (plan and simulate)")
        ->type_name("FORMAT");
    app.parse_complete_callback([&app, &session] {
        const bool has_markdown = app.got_subcommand("plan") || app.got_subcommand("simulate");
        if (session.console.format == Format::markdown && !has_markdown)
            throw CLI::ValidationError("--output", "markdown is for plan and simulate only");
    });
    app.footer(
        "Exit codes: 0 good, 1 a problem was found, 2 usage, 3 cannot reach.\n"
        "Examples:\n"
        "  tidegate validate .\n"
        "  tidegate status --server http://127.0.0.1:7480\n"
        "  tidegate rollback shop-api prod --repo REPO --reason 'checkout fails'\n"
        "Each verb has its own --help.");
}

/// CLI11 shows what falls through to the program at the program's own help only.
void mention_output(CLI::App& app) {
    for (auto* verb : app.get_subcommands([](CLI::App*) { return true; }))
        verb->footer(verb->get_footer() + "\n--output text|json as for every verb.");
}

/// CLI11 says only that a subcommand is required.
void explain_unknown_verb(const CLI::App& app, std::ostream& err) {
    const auto words = app.remaining();
    if (!app.get_subcommands().empty() || words.empty()) return;
    std::vector<std::string> verbs;
    for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; }))
        verbs.push_back(verb->get_name());
    err << fmt::format("there is no verb '{}'{}\n", head_of(words.front(), 64),
                       did_you_mean(words.front(), verbs));
}

}  // namespace

std::string refuse_blank(const std::string& text) {
    return one_line(text).empty() ? "must say something" : "";
}

int run(int argc, const char* const* argv, std::ostream& out, std::ostream& err, bool terminal) {
    const char* no_colour = std::getenv("NO_COLOR");
    Session session{
        {out, err, Format::text, terminal && (no_colour == nullptr || *no_colour == '\0')}};
    CLI::App app{"Looks at, explains and changes what Tidegate releases."};
    describe(app, session);
    add_look_commands(app, session);
    add_change_commands(app, session);
    add_admin_commands(app, session);
    mention_output(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        explain_unknown_verb(app, err);
        return app.exit(error, out, err) == 0 ? kGood : kUsage;
    } catch (const std::exception& error) {
        return report(session.console, {ErrorCode::internal, error.what(), {}});
    }
    out.flush();
    if (!out) {
        err << "the output could not be written\n";
        return kProblem;
    }
    return session.exit_code;
}

}  // namespace tidegate::cli
