#include "schema/config/layout.h"

#include <algorithm>

#include "schema/base/limits.h"

namespace tidegate::config {
namespace {

constexpr std::string_view kRepositoryFile = "tidegate.yaml";
constexpr std::string_view kMistakenFile = "tidegate.yml";
constexpr std::string_view kSuffix = ".yaml";

/// A shape of path: its folder, a name where `*` stands, and at last the file name.
struct Shape {
    DocumentKind kind;
    std::vector<std::string_view> folders;
    std::string_view text;
};

const std::vector<Shape>& shapes() {
    static const std::vector<Shape> all{
        {DocumentKind::project, {"projects"}, "projects/<project>.yaml"},
        {DocumentKind::environment, {"environments"}, "environments/<environment>.yaml"},
        {DocumentKind::target_list,
         {"environments", "*", "targets"},
         "environments/<environment>/targets/<name>.yaml"},
        {DocumentKind::release_window, {"windows"}, "windows/<name>.yaml"},
        {DocumentKind::policy, {"policies"}, "policies/<name>.yaml"},
        {DocumentKind::version, {"versions", "*"}, "versions/<environment>/<project>.yaml"},
        {DocumentKind::approval_list, {"approvals", "*"}, "approvals/<environment>/<project>.yaml"},
    };
    return all;
}

std::vector<std::string_view> split(std::string_view path) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto slash = path.find('/');
        parts.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return parts;
        path.remove_prefix(slash + 1);
    }
}

bool matches(const Shape& shape, const std::vector<std::string_view>& parts) {
    return parts.size() == shape.folders.size() + 1 &&
           std::equal(shape.folders.begin(), shape.folders.end(), parts.begin(),
                      [](auto wanted, auto part) { return wanted == "*" || wanted == part; });
}

const Shape* find_shape(const std::vector<std::string_view>& parts) {
    const auto found =
        std::ranges::find_if(shapes(), [&](const Shape& shape) { return matches(shape, parts); });
    return found == shapes().end() ? nullptr : &*found;
}

bool is_free_file(std::string_view name) {
    return name == "README.md" || name == ".gitkeep" || name == ".gitignore";
}

Error wrong(std::string_view path, std::string message) {
    return {ErrorCode::invalid, std::move(message), {std::string(path), 0, 0}};
}

/// What may stand in the top-level folder of `parts`, in words; empty outside the layout.
std::string shapes_of(std::string_view folder) {
    std::string text;
    for (const auto& shape : shapes())
        if (shape.folders.front() == folder)
            text.append(text.empty() ? "" : " or ").append(shape.text);
    return text;
}

}  // namespace

bool is_object_name(std::string_view text) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !text.empty() && text.size() <= limits::kNameBytesMax && plain(text.front()) &&
           std::ranges::all_of(
               text, [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
}

const std::vector<std::string>& layout_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all{std::string{kRepositoryFile}, std::string{kMistakenFile}};
        for (const auto& shape : shapes())
            if (const std::string folder{shape.folders.front()};
                std::ranges::find(all, folder) == all.end())
                all.push_back(folder);
        return all;
    }();
    return names;
}

std::optional<DocumentPath> classify(std::string_view path) {
    if (path == kRepositoryFile) return DocumentPath{DocumentKind::repository, "", ""};
    const auto parts = split(path);
    const auto* shape = find_shape(parts);
    if (shape == nullptr || !parts.back().ends_with(kSuffix)) return std::nullopt;
    const auto name = parts.back().substr(0, parts.back().size() - kSuffix.size());
    const auto environment = shape->folders.size() > 1 ? parts[1] : std::string_view{};
    if (!is_object_name(name) || (!environment.empty() && !is_object_name(environment)))
        return std::nullopt;
    return DocumentPath{shape->kind, std::string(name), std::string(environment)};
}

std::optional<Error> check_path(std::string_view path) {
    if (path == kMistakenFile)
        return wrong(path, "this file is not read: its name must be tidegate.yaml");
    const auto parts = split(path);
    const auto wanted = parts.size() > 1 ? shapes_of(parts.front()) : "";
    if (wanted.empty() || is_free_file(parts.back()) || classify(path)) return std::nullopt;
    if (find_shape(parts) != nullptr && parts.back().ends_with(kSuffix))
        return wrong(path,
                     "names must be 1 to 63 of a-z 0-9 . _ - and begin with a letter or a digit");
    if (parts.back().ends_with(".yml"))
        return wrong(path, "files must end in .yaml here, got .yml");
    return wrong(path, "unexpected file; here belongs " + wanted);
}

}  // namespace tidegate::config
