#include "cli/fields.h"

#include "cli/console.h"

namespace tidegate::cli {

using nlohmann::json;

const json& member(const json& object, const char* key) {
    static const json null;
    if (!object.is_object()) return null;
    const auto found = object.find(key);
    return found == object.end() ? null : *found;
}

std::string lines_of(const json& object, const char* key, std::string_view otherwise) {
    const auto& value = member(object, key);
    if (!value.is_string() || value.get_ref<const std::string&>().empty())
        return std::string{otherwise};
    return clean_lines(value.get_ref<const std::string&>());
}

std::string text_of(const json& object, const char* key, std::string_view otherwise) {
    return clean(lines_of(object, key, otherwise));
}

std::int64_t number_of(const json& object, const char* key) {
    const auto& value = member(object, key);
    return value.is_number() ? value.get<std::int64_t>() : 0;
}

const json& list_of(const json& object, const char* key) {
    static const json empty = json::array();
    const auto& value = member(object, key);
    return value.is_array() ? value : empty;
}

std::string with_local(const std::string& at, const std::string& local) {
    return local.empty() ? at : fmt::format("{} ({})", at, local);
}

std::string short_commit(const std::string& commit) { return commit.substr(0, 9); }

std::string commit_of(const json& object, std::string_view otherwise) {
    const auto commit = text_of(object, "commit");
    return commit.empty() ? std::string{otherwise} : short_commit(commit);
}

std::string good_version(const json& good, std::string_view otherwise) {
    const auto& absent = member(good, "absent");
    if (absent.is_boolean() && absent.get<bool>()) return std::string{kAbsent};
    return text_of(good, "version", otherwise);
}

}  // namespace tidegate::cli
