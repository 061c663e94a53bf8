#pragma once
/// Which file of the config repo holds what (docs/config.md, "Layout"). A path alone decides the
/// kind of document that must stand there.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/enum_names.h"
#include "schema/base/result.h"

namespace tidegate::config {

enum class DocumentKind {
    repository,
    project,
    environment,
    target_list,
    release_window,
    policy,
    version,
    approval_list,
};
constexpr auto enum_names(DocumentKind) {
    return std::array{"Repository"sv,    "Project"sv, "Environment"sv, "TargetList"sv,
                      "ReleaseWindow"sv, "Policy"sv,  "Version"sv,     "ApprovalList"sv};
}

struct DocumentPath {
    DocumentKind kind = DocumentKind::repository;
    std::string name;         ///< file name without `.yaml`; empty for tidegate.yaml
    std::string environment;  ///< folder of a version, an approval list, a target list

    friend bool operator==(const DocumentPath&, const DocumentPath&) = default;
};

/// The name of a project, environment, target, window or policy:
/// `[a-z0-9][a-z0-9._-]{0,62}`.
[[nodiscard]] bool is_object_name(std::string_view text);

/// What belongs to the config at the top of the repo: its folders and files, and the near miss of
/// `tidegate.yaml` that check_path refuses. What stands beside them is nobody's business.
[[nodiscard]] const std::vector<std::string>& layout_names();

/// What must stand at a path of the repo (`versions/prod/shop-api.yaml`, relative, with `/`).
/// Nothing for paths that hold no document: those outside the layout, and those check_path refuses.
[[nodiscard]] std::optional<DocumentPath> classify(std::string_view path);

/// Whether read_document wants the text at this path.
[[nodiscard]] inline bool in_layout(std::string_view path) { return classify(path).has_value(); }

/// The error of a path that lies inside the layout's folders and cannot hold a document (a stray
/// file, `.yml`, a bad name), so that no file is passed over in silence. README.md, .gitkeep and
/// .gitignore are welcome everywhere. Paths outside the layout's folders are never errors, but for
/// a near miss of `tidegate.yaml`.
[[nodiscard]] std::optional<Error> check_path(std::string_view path);

/// Whether the layout has a folder at this path. Anything else there hides all that belongs below.
[[nodiscard]] bool is_folder_place(std::string_view path);

/// The error, since Checks::second, of a path that stands in the place of one of the layout's
/// folders at the top of the repo, or below that of `tidegate.yaml`.
[[nodiscard]] std::optional<Error> check_top(std::string_view path);

/// The warning of what stands at the top of the repo under a name that is nearly one of the
/// layout's, a folder (`Versions/`, with the slash) or a file (`Tidegate.yaml`): it is not read.
[[nodiscard]] std::optional<Error> check_near_miss(std::string_view path);

}  // namespace tidegate::config
