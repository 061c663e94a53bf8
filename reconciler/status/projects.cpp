#include <set>

#include "reconciler/status/catalog.h"
#include "reconciler/status/lists.h"
#include "reconciler/status/routes.h"

namespace tidegate::status {
namespace {

const Project* find_project(const StatusSnapshot& snapshot, const std::string& name) {
    return find_document<Project>(snapshot, "projects/" + name + ".yaml");
}

Answer no_such_project() { return not_found("there is no such project in the accepted commit"); }

/// Runs `show` on the project that the path names.
Answer with_project(const Call& call, auto&& show) {
    const auto* project = find_project(call.snapshot, call.names.at(0));
    return project != nullptr ? show(*project) : no_such_project();
}

Json environments_of(const StatusSnapshot& snapshot, const std::string& project) {
    Json names = Json::array();
    for (const auto& [key, view] : snapshot.assignments)
        if (key.project == project) names.push_back(key.environment);
    return names;
}

Json project_json(const StatusSnapshot& snapshot, const Project& project) {
    return {{"name", project.name},
            {"description", project.description},
            {"owner", project.owner},
            {"deploy_type", to_string(project.deploy.type)},
            {"environments", environments_of(snapshot, project.name)}};
}

Json task_json(const Task& task) {
    Json timeout;
    if (task.timeout) timeout = task.timeout->count();
    return {{"name", task.name},
            {"type", to_string(task.type)},
            {"on_error", to_string(task.on_error)},
            {"timeout_seconds", std::move(timeout)},
            {"retry", task.retry},
            {"condition", or_null(task.condition)},
            {"depends_on", task.depends_on},
            {"parallel", task.parallel}};
}

Json stage_json(std::string_view name, const std::vector<Task>& tasks) {
    Json items = Json::array();
    for (const auto& task : tasks) items.push_back(task_json(task));
    return {{"name", name}, {"tasks", std::move(items)}};
}

Json dependency_json(const Dependency& dependency) {
    Json timeout;
    if (dependency.timeout) timeout = dependency.timeout->count();
    return {{"service", dependency.service.name},
            {"required", dependency.required},
            {"wait_ready", dependency.wait_ready},
            {"timeout_seconds", std::move(timeout)}};
}

Json artifact_json(const Definition& definition) {
    Json url, sha256;
    if (definition.artifact) {
        url = or_null(public_url(definition.artifact->url));
        sha256 = or_null(definition.artifact->sha256);
    }
    return {{"environment", definition.key.environment},
            {"version", definition.version},
            {"url", std::move(url)},
            {"sha256", std::move(sha256)},
            {"commit", definition.commit}};
}

}  // namespace

Answer list_projects(const Call& call) {
    return paged(call.request, [&](PagedList& list) {
        each_document<Project>(call.snapshot, "projects/", [&](const Project& project) {
            // Paths sort by name and ".yaml", so `a-b` comes before `a`; cursors follow the paths.
            const auto key = project.name + ".yaml";
            if (list.wants(key)) list.add(key, project_json(call.snapshot, project));
        });
    });
}

Answer show_project(const Call& call) {
    return with_project(call, [&](const Project& project) {
        auto json = project_json(call.snapshot, project);
        Json dependencies = Json::array();
        for (const auto& dependency : project.depends_on)
            dependencies.push_back(dependency.service.name);
        json["depends_on"] = std::move(dependencies);
        json["file"] = or_null(project.position.file);
        return json_answer(json);
    });
}

Answer list_project_environments(const Call& call) {
    return with_project(call, [&](const Project& project) {
        return paged(call.request, [&](PagedList& list) {
            for (const auto& [key, view] : call.snapshot.assignments)
                if (key.project == project.name && list.wants(key.environment))
                    list.add(key.environment, assignment_json(*view));
        });
    });
}

Answer list_project_pipelines(const Call& call) {
    return with_project(call, [&](const Project& project) {
        const auto& pipeline = project.pipeline;
        return paged(call.request, [&](PagedList& list) {
            if (!list.wants("only")) return;
            list.add("only", {{"name", or_null(pipeline.name)},
                              {"stages",
                               {stage_json("pre_release", pipeline.pre_release),
                                stage_json("release", pipeline.release),
                                stage_json("post_release", pipeline.post_release)}}});
        });
    });
}

Answer list_project_variables(const Call& call) {
    return with_project(call, [&](const Project& project) {
        return paged(call.request, [&](PagedList& list) {
            for (const auto& [name, variable] : project.variables)
                if (list.wants(name))
                    list.add(name, variable_json(name, variable, call.services.show_values));
        });
    });
}

Answer list_project_artifacts(const Call& call) {
    return with_project(call, [&](const Project& project) {
        return paged(call.request, [&](PagedList& list) {
            if (!call.snapshot.desired) return;
            for (const auto& [key, assignment] : call.snapshot.desired->assignments)
                if (key.project == project.name && assignment->definition &&
                    list.wants(key.environment))
                    list.add(key.environment, artifact_json(*assignment->definition));
        });
    });
}

Answer list_project_dependencies(const Call& call) {
    return with_project(call, [&](const Project& project) {
        return paged(call.request, [&](PagedList& list) {
            std::size_t number = 0;
            for (const auto& dependency : project.depends_on) {
                const auto key = fmt::format("{:06}", number++);
                if (list.wants(key)) list.add(key, dependency_json(dependency));
            }
        });
    });
}

Answer show_dependency_graph(const Call& call) {
    return with_project(call, [&](const Project& root) {
        Json nodes = Json::array(), edges = Json::array();
        std::set<std::string> seen{root.name};
        std::vector<std::string> open{root.name};
        while (!open.empty()) {
            const auto name = std::move(open.back());
            open.pop_back();
            const auto* project = find_project(call.snapshot, name);
            nodes.push_back({{"name", name}, {"known", project != nullptr}});
            if (project == nullptr) continue;
            for (const auto& dependency : project->depends_on) {
                edges.push_back({{"from", name}, {"to", dependency.service.name}});
                if (seen.insert(dependency.service.name).second)
                    open.push_back(dependency.service.name);
            }
        }
        return json_answer({{"nodes", std::move(nodes)}, {"edges", std::move(edges)}});
    });
}

}  // namespace tidegate::status
