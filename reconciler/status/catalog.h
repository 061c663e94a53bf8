#pragma once
/// Finding documents of the accepted commit by their place in the repo. Internal to this folder.

#include <string>

#include "schema/model/snapshot.h"

namespace tidegate::status {

/// Null where there is no such file, or it has errors.
template <class T>
[[nodiscard]] const T* find_document(const StatusSnapshot& snapshot, const std::string& path) {
    if (!snapshot.documents) return nullptr;
    const auto file = snapshot.documents->find(path);
    if (file == snapshot.documents->end() || !file->second->document) return nullptr;
    return std::get_if<T>(file->second->document.get());
}

/// Shows `visit` every document of type T below `folder` (with its slash), by rising path.
template <class T>
void each_document(const StatusSnapshot& snapshot, const std::string& folder, auto&& visit) {
    if (!snapshot.documents) return;
    for (auto file = snapshot.documents->lower_bound(folder);
         file != snapshot.documents->end() && file->first.starts_with(folder); ++file)
        if (file->second->document)
            if (const auto* document = std::get_if<T>(file->second->document.get()))
                visit(*document);
}

}  // namespace tidegate::status
