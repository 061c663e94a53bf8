#pragma once
/// Document trees by hand: what schema/config would make from a small repo.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "schema/resolve/resolve.h"

namespace tidegate::testing_support {

inline Value text(std::string value) { return Value{std::move(value)}; }

inline Variable plain(std::string value) {
    Variable variable;
    variable.value = std::move(value);
    return variable;
}
inline Variable templated(std::string value) {
    auto variable = plain(std::move(value));
    variable.type = VariableType::template_text;
    return variable;
}
inline Variable of_type(VariableType type, std::string value) {
    auto variable = plain(std::move(value));
    variable.type = type;
    return variable;
}
inline Variable by_environment(std::map<std::string, std::string> values) {
    Variable variable;
    variable.type = VariableType::env_specific;
    variable.values = std::move(values);
    return variable;
}

inline Project project(const std::string& name, const std::string& script = "true") {
    Project result;
    result.name = name;
    result.position = {"projects/" + name + ".yaml", 1, 1};
    result.deploy.script.install_script = script;
    result.deploy.position = {result.position.file, 4, 1};
    result.deploy.canonical = Value{Value::Map{
        {"type", text("script")}, {"config", Value{Value::Map{{"install_script", text(script)}}}}}};
    return result;
}

inline TargetSpec target(const std::string& name, const std::string& file, int line,
                         int priority = 0) {
    TargetSpec result;
    result.name = name;
    result.priority = priority;
    result.position = {file, line, 5};
    return result;
}

inline Environment environment(const std::string& name, const std::vector<std::string>& targets) {
    Environment result;
    result.name = name;
    result.position = {"environments/" + name + ".yaml", 1, 1};
    int line = 5;
    for (const auto& each : targets)
        result.targets.push_back(target(each, result.position.file, line++));
    return result;
}

inline Version version(const std::string& env, const std::string& project_name,
                       const std::string& number) {
    Version result;
    result.key = {env, project_name};
    const auto file = version_path(result.key);
    result.position = {file, 1, 1};
    result.project = {project_name, {file, 3, 10}};
    result.environment = {env, {file, 4, 14}};
    result.version = number;
    return result;
}

inline ReleaseWindow window(const std::string& name, const std::string& zone = "UTC") {
    ReleaseWindow result;
    result.name = name;
    result.timezone = zone;
    result.position = {"windows/" + name + ".yaml", 1, 1};
    return result;
}

/// `{list: [names]}`, as in applies_to.
inline Value scope(const std::string& list, const std::string& name) {
    return Value{Value::Map{{list, Value{Value::List{text(name)}}}}};
}

inline Policy policy_for(const std::string& name, const std::string& environment) {
    Policy result;
    result.name = name;
    result.position = {"policies/" + name + ".yaml", 1, 1};
    result.applies_to = scope("environments", environment);
    return result;
}

/// A tree that remembers which paths were written since `take_changed`.
struct Tree {
    DocumentTree files;
    std::set<std::string> changed;

    void put(const std::string& path, Document document) {
        auto file = std::make_shared<ParsedFile>();
        file->document = std::make_shared<const Document>(std::move(document));
        files[path] = std::move(file);
        changed.insert(path);
    }
    Tree& add(Project document) {
        const auto path = "projects/" + document.name + ".yaml";
        return put(path, std::move(document)), *this;
    }
    Tree& add(Environment document) {
        const auto path = "environments/" + document.name + ".yaml";
        return put(path, std::move(document)), *this;
    }
    Tree& add(ReleaseWindow document) {
        const auto path = "windows/" + document.name + ".yaml";
        return put(path, std::move(document)), *this;
    }
    Tree& add(Version document) {
        const auto path = version_path(document.key);
        return put(path, std::move(document)), *this;
    }
    Tree& add(Policy document) {
        const auto path = "policies/" + document.name + ".yaml";
        return put(path, std::move(document)), *this;
    }
    Tree& add(ApprovalList document) {
        const auto path =
            "approvals/" + document.key.environment + "/" + document.key.project + ".yaml";
        return put(path, std::move(document)), *this;
    }
    Tree& add(Repository document) { return put("tidegate.yaml", std::move(document)), *this; }
    Tree& add(const std::string& path, TargetList document) {
        return put(path, std::move(document)), *this;
    }
    Tree& break_file(const std::string& path, const std::string& message = "broken") {
        auto file = std::make_shared<ParsedFile>();
        file->errors.push_back(Error{ErrorCode::invalid, message, {path, 2, 3}});
        files[path] = std::move(file);
        changed.insert(path);
        return *this;
    }
    /// Something else stands in the place of a folder.
    Tree& hide(const std::string& folder) {
        for (auto at = files.lower_bound(folder + "/");
             at != files.end() && at->first.starts_with(folder + "/");)
            changed.insert(at->first), at = files.erase(at);
        return break_file(folder, "a symbolic link, expected a folder");
    }
    Tree& remove(const std::string& path) {
        files.erase(path);
        changed.insert(path);
        return *this;
    }
    std::set<std::string> take_changed() { return std::exchange(changed, {}); }
};

inline std::shared_ptr<const ZoneRules> zones(const std::string& name) {
    if (name != "UTC" && name != "Asia/Shanghai") return nullptr;
    auto rules = std::make_shared<ZoneRules>();
    rules->name = name;
    return rules;
}

/// staging and prod with one target each, two projects in both.
inline Tree small_tree() {
    Tree tree;
    tree.add(project("api")).add(project("web"));
    tree.add(environment("staging", {"s-1"})).add(environment("prod", {"p-1", "p-2"}));
    for (const auto* env : {"staging", "prod"})
        tree.add(version(env, "api", "1.0.0")).add(version(env, "web", "2.0.0"));
    return tree;
}

inline const AssignmentKey kProdApi{"prod", "api"};

inline ResolvedTree at(const Tree& tree) { return resolve(tree.files, zones, "c1"); }

/// What errors hold, in order.
inline std::vector<std::string> held(const ResolvedTree& tree) {
    std::vector<std::string> result;
    for (const auto& [key, entry] : tree.assignments)
        if (!entry->assignment) result.push_back(key.text());
    return result;
}

inline std::string lines(const std::vector<Error>& errors) {
    std::string result;
    for (const auto& error : errors) result += error.text() + '\n';
    return result;
}

/// A variable of type slot_specific.
inline Variable by_slot(std::string blue, std::string green) {
    Variable variable;
    variable.type = VariableType::slot_specific;
    variable.slots = {{"blue", std::move(blue)}, {"green", std::move(green)}};
    return variable;
}

}  // namespace tidegate::testing_support
