#include "schema/config/read.h"

#include <algorithm>

#include "schema/base/limits.h"
#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

template <class T>
void read_as(Place place, Document& document) {
    auto& out = document.emplace<T>();
    read(place, out);
    if (out.position.file.empty()) out.position = place.position();
}

/// Document's alternatives stand in the order of DocumentKind.
void read_kind(DocumentKind kind, Place place, Document& document) {
    switch (kind) {
        case DocumentKind::repository:
            return read_as<Repository>(place, document);
        case DocumentKind::project:
            return read_as<Project>(place, document);
        case DocumentKind::environment:
            return read_as<Environment>(place, document);
        case DocumentKind::target_list:
            return read_as<TargetList>(place, document);
        case DocumentKind::release_window:
            return read_as<ReleaseWindow>(place, document);
        case DocumentKind::policy:
            return read_as<Policy>(place, document);
        case DocumentKind::version:
            return read_as<Version>(place, document);
        case DocumentKind::approval_list:
            return read_as<ApprovalList>(place, document);
    }
}

/// An editor that takes the last line end away must not change the script that stands there.
std::string with_line_end(std::string_view text) {
    std::string ended{text};
    if (!ended.empty() && ended.back() != '\n' && ended.size() < limits::kFileBytesMax)
        ended += '\n';
    return ended;
}

int lines_of(std::string_view text) { return static_cast<int>(std::ranges::count(text, '\n')) + 1; }

/// The last scalar, where the end of a file can make a difference.
const std::string& last_text(const Node& node) {
    return node.items.empty() ? node.text : last_text(node.items.back());
}

}  // namespace

Value read_plain(std::string_view path, std::string_view text) {
    if (text.size() > limits::kFileBytesMax) return {};
    const auto tree = parse_yaml(path, text);
    return tree.usable ? plain_value(tree.root) : Value{};
}

ParsedFile read_document(std::string_view path, std::string_view text, Checks checks) {
    const auto where = classify(path);
    if (!where) {
        auto error = check_path(path).value_or(Error{
            ErrorCode::invalid, "no document belongs at this path", {std::string(path), 0, 0}});
        return {nullptr, {std::move(error)}, {}};
    }
    const auto ended = checks >= Checks::second ? with_line_end(text) : std::string{text};
    auto tree = parse_yaml(path, ended);
    if (!tree.usable) return {nullptr, std::move(tree.errors), {}};

    Report report{path, *where, checks};
    if (ended.size() != text.size() &&
        last_text(tree.root) != last_text(parse_yaml(path, text).root))
        report.warning({std::string(path), lines_of(text), 1},
                       "the file ends without a line end: it is read as if it had one");
    report.errors = std::move(tree.errors);
    for (auto& error : tree.newer)
        report.error_since(Checks::second, std::move(error.position), std::move(error.message));
    auto document = std::make_shared<Document>();
    Value written;
    read_kind(where->kind, Place{&tree.root, &report, to_string(where->kind), &written}, *document);

    std::ranges::stable_sort(report.errors, {}, &Error::position);
    if (!report.errors.empty()) document = nullptr;
    return {std::move(document), std::move(report.errors), std::move(report.warnings)};
}

Value json_schema(DocumentKind kind) {
    Value schema;
    Document unused;
    read_kind(kind, Place{nullptr, nullptr, to_string(kind), &schema}, unused);
    auto& map = std::get<Value::Map>(schema.data);
    map["$schema"] = {std::string("http://json-schema.org/draft-07/schema#")};
    map["title"] = {"Tidegate " + std::string(to_string(kind))};
    return schema;
}

void read_envelope(Fields& fields, DocumentKind kind) {
    fields.checked_required<std::string>("apiVersion", Word{{"tidegate/v1"}});
    fields.checked_required<std::string>("kind", Word{{to_string(kind)}});
}

void warn_not_acted_on(Place place) {
    place.report->warning(
        place.position(),
        fmt::format("{} is valid, but this build does not act on it yet", place.name));
}

void AsInPath::operator()(Place place, std::string& out) const {
    if (place.describing()) return kObjectName(place, out);
    const auto& wanted = place.report->path().*part;
    out = wanted;
    std::string text = wanted;
    read(place, text);
    if (text != wanted) place.refuse(fmt::format("{}, as the path says", wanted));
}

void AsInPath::operator()(Place place, Reference& out) const {
    (*this)(place, out.name);
    out.position = place.position();
}

void read(Place place, std::map<std::string, std::string>& out) {
    MapOf<>{kVariableName}(place, out);
}

void Labels::operator()(Place place, std::map<std::string, std::string>& out) const {
    MapOf{kLabelKey, kLine}(place, out);
}

}  // namespace tidegate::config
