// The project part: what is checked once per project, not per assignment.
#include <fmt/core.h>

#include "schema/resolve/parts.h"

namespace tidegate {
namespace {

void remark_tasks(const std::vector<Task>& tasks, std::vector<Unsupported>& unsupported) {
    for (const auto& task : tasks) {
        if (!is_supported(task.type))
            unsupported.push_back(
                {fmt::format("task: {} of type {}", task.name, to_string(task.type)),
                 task.position});
        if (!task.condition.empty())
            unsupported.push_back({fmt::format("task: condition of {}", task.name), task.position});
    }
}

void remark_project(const Project& project, ProjectPart& part) {
    if (project.deploy.type != DeployType::script)
        part.unsupported.push_back(
            {fmt::format("deploy: {}", to_string(project.deploy.type)), project.deploy.position});
    remark_tasks(project.pipeline.pre_release, part.unsupported);
    remark_tasks(project.pipeline.release, part.unsupported);
    remark_tasks(project.pipeline.post_release, part.unsupported);
    for (const auto& dependency : project.depends_on) {
        if (!dependency.required) continue;
        part.dependencies.push_back(fmt::format("dependency: {}", dependency.service.name));
        part.unsupported.push_back({part.dependencies.back(), dependency.service.position});
    }
    for (const auto& remark : part.unsupported) part.warnings.push_back(warning_of(remark));
    std::vector<Unsupported> variables;  // said once per assignment that uses them
    remark_variables(project.variables, variables, part.warnings);
}

}  // namespace

ProjectPartPtr make_project(PartInputs inputs) {
    ProjectPart part;
    part.inputs = std::move(inputs);
    for (const auto& file : part.inputs.files)
        if (file) append(part.errors, file->errors);
    append(part.errors, part.inputs.cross_errors);
    part.document = document_of<Project>(part.inputs.files.at(0));
    if (part.document != nullptr) {
        part.texts = texts_of(part.document->deploy, part.document->pipeline);
        remark_project(*part.document, part);
    }
    sort_errors(part.errors);
    return std::make_shared<const ProjectPart>(std::move(part));
}

}  // namespace tidegate
