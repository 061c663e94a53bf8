#include "cli/validate.h"

#include <nlohmann/json.hpp>

#include "cli/documents.h"
#include "reconciler/timezone/zones.h"
#include "schema/resolve/resolve.h"
#include "schema/resolve/work_dirs.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

std::string count(std::size_t number, std::string_view noun) {
    return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

/// A commit without documents is one that the daemon takes. A check in the wrong folder must not be
/// green, so any other folder without them is an error.
void say_that_there_is_nothing(const std::string& where, const LoadedTree& loaded,
                               std::vector<Error>& errors, std::vector<Error>& warnings) {
    if (!loaded.documents.empty()) return;
    constexpr auto kExpected = "tidegate.yaml, projects/, environments/, versions/";
    if (loaded.in_git)
        warnings.push_back({ErrorCode::not_found,
                            fmt::format("nothing is here yet: the daemon takes it and deploys "
                                        "nothing; what it reads is {}",
                                        kExpected),
                            {}});
    else
        errors.push_back({ErrorCode::not_found,
                          fmt::format("{} holds no documents and is no Git repository: expected {}",
                                      where, kExpected),
                          {}});
}

}  // namespace

void print_findings(const Console& console, Style style, std::string_view word,
                    const std::vector<Error>& findings) {
    for (const auto& finding : findings) {
        const auto place = finding.position.text();
        console.out << clean(place) << (place.empty() ? "" : ": ") << console.styled(style, word)
                    << ' ' << clean(finding.message) << '\n';
    }
}

json findings_json(const std::vector<Error>& findings) {
    auto items = json::array();
    for (const auto& [code, message, position] : findings)
        items.push_back({{"file", position.file},
                         {"line", position.line},
                         {"column", position.column},
                         {"message", message}});
    return items;
}

int validate(const Console& console, const std::string& where) {
    const auto loaded = load_documents(where);
    if (!loaded) return report(console, loaded.error());
    const auto resolved = resolve(loaded->documents, find_zone, loaded->commit);
    auto errors = resolved.errors();
    auto warnings = resolved.warnings();
    const auto overlaps = overlapping_work_dirs(resolved);
    warnings.insert(warnings.end(), overlaps.begin(), overlaps.end());
    if (loaded->leaving > 0) warnings.push_back(leaving_warning(loaded->leaving));
    say_that_there_is_nothing(where, *loaded, errors, warnings);
    if (console.format == Format::json) {
        console.print({{"valid", errors.empty()},
                       {"commit", loaded->commit.empty() ? json{} : json(loaded->commit)},
                       {"documents", loaded->documents.size()},
                       {"assignments", resolved.assignments.size()},
                       {"errors", findings_json(errors)},
                       {"warnings", findings_json(warnings)}});
        return errors.empty() ? kGood : kProblem;
    }
    print_findings(console, Style::red, "error:", errors);
    print_findings(console, Style::yellow, "warning:", warnings);
    console.err << fmt::format("{}, {}: {}, {}\n", count(loaded->documents.size(), "document"),
                               count(resolved.assignments.size(), "assignment"),
                               count(errors.size(), "error"), count(warnings.size(), "warning"));
    return errors.empty() ? kGood : kProblem;
}

}  // namespace tidegate::cli
