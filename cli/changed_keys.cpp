#include "cli/changed_keys.h"

#include <algorithm>
#include <map>
#include <set>

#include "reconciler/source/line_files.h"
#include "schema/base/utf8.h"
#include "schema/config/read.h"
#include "schema/resolve/resolve.h"

namespace tidegate::cli {
namespace {

constexpr std::size_t kShownValueMax = 40;

/// Nothing that is deployed, and no rule, comes from these.
bool is_idle(const std::string& path, const std::string& key) {
    const auto top = key.substr(0, key.find_first_of(".["));
    if (top.starts_with("x-") || top == "description" || top == "owner") return true;
    return path == "tidegate.yaml" && top == "notifications";
}

/// Values that may be secret are nobody's to see again.
bool is_private(const std::string& key) {
    return key.find("variables") != std::string::npos || key.ends_with("_script") ||
           key.ends_with("script");
}

std::optional<std::string> shown_value(const std::string& key, const Value& value) {
    if (is_private(key) || value.is_null() || value.map() || value.list()) return std::nullopt;
    const auto* string = value.string();
    auto text = string ? *string : value.canonical();
    if (text.empty() || text.size() > kShownValueMax || text != one_line(text)) return std::nullopt;
    return text;
}

/// What a list's item is called: lists of named things are compared by their names.
std::string name_of(const Value& item) {
    const auto* map = item.map();
    if (!map) return "";
    for (const auto* key : {"name", "target", "service", "priority"})
        if (const auto found = map->find(key); found != map->end() && !found->second.is_null())
            return found->second.string() ? *found->second.string() : found->second.canonical();
    return "";
}

std::optional<Value::Map> by_name(const Value& value) {
    const auto* list = value.list();
    if (!list) return std::nullopt;
    Value::Map named;
    for (const auto& item : *list) {
        auto name = name_of(item);
        if (name.empty() || !named.emplace(std::move(name), item).second) return std::nullopt;
    }
    return named;
}

class Comparison {
public:
    std::vector<KeyChange> changes;

    void compare(const std::string& at, const Value& before, const Value& after) {
        if (before == after) return;
        if (before.map() && after.map())
            return compare_maps(*before.map(), *after.map(), [&](const std::string& key) {
                return at.empty() ? key : at + '.' + key;
            });
        const auto left = by_name(before), right = by_name(after);
        if (left && right && !at.empty() && *left != *right)
            return compare_maps(*left, *right,
                                [&](const std::string& key) { return at + '[' + key + ']'; });
        if (at.empty() && before.is_null() && after.map())
            return compare(at, {Value::Map{}}, after);
        if (at.empty() && after.is_null() && before.map())
            return compare(at, before, {Value::Map{}});
        changes.push_back({at, before.is_null(), after.is_null(), shown_value(at, before),
                           shown_value(at, after)});
    }

private:
    template <class Named>
    void compare_maps(const Value::Map& before, const Value::Map& after, const Named& named) {
        static const Value none;
        std::set<std::string_view> keys;
        for (const auto* map : {&before, &after})
            for (const auto& [key, value] : *map) keys.insert(key);
        const auto in = [&](const Value::Map& map, const std::string& key) -> const Value& {
            const auto found = map.find(key);
            return found == map.end() ? none : found->second;
        };
        for (const auto key : keys) {
            const std::string name{key};
            compare(named(name), in(before, name), in(after, name));
        }
    }
};

/// The blob of each file there.
Result<std::map<std::string, std::string>> blobs_at(const git::Repository& repository,
                                                    const std::string& commit) {
    std::map<std::string, std::string> blobs;
    if (commit.empty()) return blobs;
    for (auto& entry : TRY(source::files_at(repository, commit))) blobs[entry.path] = entry.blob;
    return blobs;
}

Result<Value> read_blob(const git::Repository& repository, const std::string& path,
                        const std::string& blob) {
    if (blob.empty()) return Value{};
    const auto blobs = TRY(repository.blobs({blob}));
    return config::read_plain(path, blobs.front().content);
}

std::string blob_of(const std::map<std::string, std::string>& blobs, const std::string& path) {
    const auto found = blobs.find(path);
    return found == blobs.end() ? "" : found->second;
}

void take_keys(ChangedFile& file, std::vector<KeyChange> keys) {
    std::erase_if(keys, [&](const KeyChange& key) {
        return key.key == "apiVersion" || key.key == "kind" || is_idle(file.path, key.key);
    });
    // Of a whole file that came or left the version says most.
    if (file.came || file.left)
        std::erase_if(keys, [](const KeyChange& key) { return key.key != "version"; });
    if (keys.size() > kKeysShown) {
        file.more = keys.size() - kKeysShown;
        keys.resize(kKeysShown);
    }
    file.keys = std::move(keys);
}

bool names_window(const Rules& rules, const std::string& path) {
    return rules.window && !rules.window->name.empty() &&
           path == "windows/" + rules.window->name + ".yaml";
}

bool is_window_of(const Assignment& assignment, const std::string& path) {
    return names_window(assignment.rules, path) ||
           std::ranges::any_of(assignment.anchor_rules,
                               [&](const auto& rules) { return names_window(*rules, path); });
}

bool concerns(const std::string& path, const Assignment& assignment) {
    const auto& [environment, project] = assignment.key;
    return path == version_path(assignment.key) || path == "projects/" + project + ".yaml" ||
           path == "environments/" + environment + ".yaml" ||
           path.starts_with("environments/" + environment + "/") || path == "tidegate.yaml" ||
           path == "approvals/" + environment + "/" + project + ".yaml" ||
           path.starts_with("policies/") || is_window_of(assignment, path);
}

}  // namespace

std::vector<KeyChange> compare_keys(const Value& before, const Value& after) {
    Comparison comparison;
    comparison.compare("", before, after);
    return std::move(comparison.changes);
}

Result<std::vector<ChangedFile>> changed_keys(const git::Repository& repository,
                                              const std::string& base, const std::string& head) {
    const auto before = TRY(blobs_at(repository, base));
    const auto after = TRY(blobs_at(repository, head));
    std::set<std::string> paths;
    for (const auto* blobs : {&before, &after})
        for (const auto& [path, blob] : *blobs)
            if (blob_of(before, path) != blob_of(after, path)) paths.insert(path);
    std::vector<ChangedFile> files;
    for (const auto& path : paths) {
        auto& file = files.emplace_back();
        file.path = path;
        const auto old = blob_of(before, path), now = blob_of(after, path);
        file.came = old.empty();
        file.left = now.empty();
        if (paths.size() > kFilesCompared) continue;
        const auto was = TRY(read_blob(repository, path, old));
        take_keys(file, compare_keys(was, TRY(read_blob(repository, path, now))));
    }
    return files;
}

std::vector<ChangedFile> causes_of(const std::vector<ChangedFile>& files, const Assignment* before,
                                   const Assignment* after) {
    std::vector<ChangedFile> causes;
    for (const auto& file : files) {
        const bool says_something = file.came || file.left || !file.keys.empty();
        if (says_something &&
            ((before && concerns(file.path, *before)) || (after && concerns(file.path, *after))))
            causes.push_back(file);
    }
    // Its own file first: that is what people look for.
    const auto* either = after ? after : before;
    std::ranges::stable_partition(
        causes, [&](const ChangedFile& file) { return file.path == version_path(either->key); });
    return causes;
}

std::string text_of(const KeyChange& change) {
    if (change.left) return change.key + " (removed)";
    if (change.came && change.to) return fmt::format("{}: {} (new)", change.key, *change.to);
    if (change.came) return change.key + " (new)";
    if (change.from && change.to)
        return fmt::format("{} {} → {}", change.key, *change.from, *change.to);
    return change.key;
}

std::string keys_text(const ChangedFile& change) {
    std::string text;
    for (const auto& key : change.keys) {
        // A file that came or left as a whole says so once.
        auto one = change.came && key.to     ? fmt::format("{} {}", key.key, *key.to)
                   : change.left && key.from ? fmt::format("{} {}", key.key, *key.from)
                                             : text_of(key);
        text += (text.empty() ? "" : ", ") + std::move(one);
    }
    if (change.more > 0) text += fmt::format(" and {} more keys", change.more);
    if (!change.came && !change.left) return text;
    return (change.came ? "new file" : "file removed") + (text.empty() ? "" : ", " + text);
}

}  // namespace tidegate::cli
