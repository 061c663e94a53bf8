#pragma once
/// Which keys of which config files differ between two commits: the cause of what a plan shows.

#include <optional>
#include <string>
#include <vector>

#include "reconciler/git/repository.h"
#include "schema/model/assignment.h"
#include "schema/model/value.h"

namespace tidegate::cli {

/// One key, as `deploy.config.update_script` or `targets[web-3].labels.region`.
struct KeyChange {
    std::string key;
    bool came = false;
    bool left = false;
    /// What people see at a glance: one short line. None: a script, a map, a variable's value.
    std::optional<std::string> from;
    std::optional<std::string> to;

    friend bool operator==(const KeyChange&, const KeyChange&) = default;
};

struct ChangedFile {
    std::string path;
    bool came = false;
    bool left = false;
    /// In the order of the names; at most kKeysShown, and how many more. Empty: only comments or
    /// spelling differ, or the file cannot be read.
    std::vector<KeyChange> keys;
    std::size_t more = 0;
};
inline constexpr std::size_t kKeysShown = 12;

/// Files of the config only, by path. Of more than kFilesCompared no keys are told.
[[nodiscard]] Result<std::vector<ChangedFile>> changed_keys(const git::Repository& repository,
                                                            const std::string& base,
                                                            const std::string& head);
inline constexpr std::size_t kFilesCompared = 5'000;

/// The keys that differ; the files may lack (null).
[[nodiscard]] std::vector<KeyChange> compare_keys(const Value& before, const Value& after);

/// Those that an assignment is made from, by the layout of the repo. Either state may be null.
[[nodiscard]] std::vector<ChangedFile> causes_of(const std::vector<ChangedFile>& files,
                                                 const Assignment* before, const Assignment* after);

/// `version 1.4.1 → 1.4.2`, `deploy.config.update_script`, `freeze (removed)`.
[[nodiscard]] std::string text_of(const KeyChange& change);
/// `versions/prod/shop-api.yaml: version 1.4.1 → 1.4.2`.
[[nodiscard]] std::string keys_text(const ChangedFile& change);

}  // namespace tidegate::cli
