#include "schema/config/layout.h"

#include <algorithm>

#include "schema/base/limits.h"
#include "schema/base/nearest.h"

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

/// Whether `parts` lead to a folder of the shape, or to the one in which its files are.
bool is_folder_of(const Shape& shape, const std::vector<std::string_view>& parts) {
    return parts.size() <= shape.folders.size() &&
           std::equal(parts.begin(), parts.end(), shape.folders.begin(),
                      [](auto part, auto wanted) { return wanted == "*" || wanted == part; });
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

std::string lower_case(std::string_view text) {
    std::string lower{text};
    for (auto& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

/// The layout's folder that somebody may have meant; empty = none.
std::string_view meant_folder(std::string_view name) {
    const auto lower = lower_case(name);
    std::vector<std::string_view> folders;
    for (const auto& shape : shapes()) folders.push_back(shape.folders.front());
    for (const auto folder : folders)
        if (folder.ends_with("ies") &&
            lower == std::string{folder.substr(0, folder.size() - 3)} + "y")
            return folder;
    return nearest(lower, folders);
}

/// Whether somebody may have meant `tidegate.yaml`. `tidegated.yaml` is the daemon's own config
/// file, and `tidegate.yml` is refused.
bool is_nearly_repository_file(std::string_view name) {
    const auto lower = lower_case(name);
    const auto stem = std::string_view{lower}.substr(0, lower.rfind('.'));
    return (lower.ends_with(".yaml") || lower.ends_with(".yml")) && name != kRepositoryFile &&
           name != kMistakenFile && stem != "tidegated" && !nearest(stem, {"tidegate"}).empty();
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

bool is_folder_place(std::string_view path) {
    const auto parts = split(path);
    return !classify(path) && !is_free_file(parts.back()) &&
           std::ranges::any_of(shapes(),
                               [&](const Shape& shape) { return is_folder_of(shape, parts); });
}

std::optional<Error> check_top(std::string_view path) {
    const auto parts = split(path);
    if (parts.front() == kRepositoryFile && parts.size() > 1)
        return wrong(path, "tidegate.yaml must be a file, not a folder");
    const auto wanted = parts.size() == 1 ? shapes_of(parts.front()) : "";
    if (wanted.empty()) return std::nullopt;
    return wrong(path, fmt::format("not a folder: here belongs {}", wanted));
}

std::optional<Error> check_near_miss(std::string_view path) {
    if (is_nearly_repository_file(path))
        return wrong(path, "this file is not read; did you mean 'tidegate.yaml'?");
    if (path.find('/') != path.size() - 1) return std::nullopt;
    const auto name = path.substr(0, path.size() - 1);
    const auto meant = meant_folder(name);
    if (meant.empty() || meant == name) return std::nullopt;
    return wrong(path, fmt::format("this folder is not read; did you mean '{}'?", meant));
}

}  // namespace tidegate::config
