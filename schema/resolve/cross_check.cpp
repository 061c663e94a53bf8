// Faults that only several documents together show: names that are there twice, cycles, and
// references between projects and between environments.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "schema/resolve/parts.h"

namespace tidegate {
namespace {

struct TargetPlace {
    std::string environment;
    Position position;
};

/// Every target name with the places where it is defined, in order of paths.
std::map<std::string, std::vector<TargetPlace>> target_places(const DocumentTree& tree) {
    std::map<std::string, std::vector<TargetPlace>> places;
    const auto add = [&](const std::string& environment, const std::vector<TargetSpec>& targets) {
        for (const auto& target : targets)
            places[target.name].push_back({environment, target.position});
    };
    each_below(tree, "environments/", [&](const std::string&, const FilePtr& file) {
        if (const auto* environment = document_of<Environment>(file))
            add(environment->name, environment->targets);
        if (const auto* list = document_of<TargetList>(file)) add(list->environment, list->targets);
    });
    return places;
}

using TargetPlaces = std::map<std::string, std::vector<TargetPlace>>;

void check_targets(const TargetPlaces& all, CrossErrors& errors) {
    for (const auto& [name, places] : all)
        for (std::size_t i = 1; i < places.size(); ++i) {
            const Error error{ErrorCode::conflict,
                              fmt::format("target \"{}\" is already defined at {}", name,
                                          places[0].position.text()),
                              places[i].position};
            for (const auto& place : {places[0], places[i]})
                errors.environments[place.environment].push_back(error);
        }
}

/// A graph of references by name, and a search for its circles, depth first. Without recursion:
/// chains are as long as strangers write them.
class References {
public:
    void add(const std::string& from, const Reference& to) { edges_[from].push_back(to); }

    /// Calls `report(names on the circle in order, place of its first reference)`.
    template <class Report>
    void each_cycle(const Report& report) {
        for (const auto& [name, edges] : edges_) {
            enter(name);
            while (!path_.empty()) advance(report);
        }
    }

private:
    struct Node {
        std::string name;
        const std::vector<Reference>* edges;
        std::size_t next = 0;
    };

    void enter(const std::string& name) {
        const auto edges = edges_.find(name);
        if (edges == edges_.end() || !seen_.insert(name).second) return;
        place_on_path_[name] = path_.size();
        path_.push_back({name, &edges->second});
    }

    template <class Report>
    void advance(const Report& report) {
        auto& node = path_.back();
        if (node.next == node.edges->size()) {
            place_on_path_.erase(node.name);
            path_.pop_back();
            return;
        }
        const auto& edge = (*node.edges)[node.next++];
        const auto start = place_on_path_.find(edge.name);
        if (start == place_on_path_.end()) return enter(edge.name);
        std::vector<std::string> names;
        for (auto i = start->second; i < path_.size(); ++i) names.push_back(path_[i].name);
        const auto& first = path_[start->second];
        report(names, (*first.edges)[first.next - 1].position);
    }

    std::map<std::string, std::vector<Reference>> edges_;
    std::set<std::string> seen_;
    std::map<std::string, std::size_t> place_on_path_;
    std::vector<Node> path_;
};

constexpr std::size_t kNamesShownMax = 20;

void report_cycles(References& references, const char* what,
                   std::map<std::string, std::vector<Error>>& errors) {
    std::set<std::string> reported;  // one error each, however many circles it is on
    references.each_cycle([&](std::vector<std::string> names, const Position& place) {
        auto shown = names;
        if (shown.size() > kNamesShownMax) {
            shown.resize(kNamesShownMax);
            shown.emplace_back("…");
        }
        const Error error{
            ErrorCode::invalid,
            fmt::format("{} in a circle: {} → {}", what, fmt::join(shown, " → "), names.front()),
            place};
        for (const auto& name : names)
            if (reported.insert(name).second) errors[name].push_back(error);
    });
}

void check_promotion(const DocumentTree& tree, CrossErrors& errors) {
    References references;
    const KnownNames known{"environment", names_below(tree, "environments/")};
    each_below(tree, "environments/", [&](const std::string&, const FilePtr& file) {
        const auto* environment = document_of<Environment>(file);
        if (environment == nullptr || !environment->promotes_from) return;
        const auto& from = *environment->promotes_from;
        references.add(environment->name, from);
        known.check(from, errors.environments[environment->name]);
    });
    report_cycles(references, "environments promote", errors.environments);
}

void check_dependencies(const DocumentTree& tree, CrossErrors& errors) {
    References references;
    const KnownNames known{"project", names_below(tree, "projects/")};
    each_below(tree, "projects/", [&](const std::string&, const FilePtr& file) {
        const auto* project = document_of<Project>(file);
        if (project == nullptr) return;
        for (const auto& dependency : project->depends_on) {
            references.add(project->name, dependency.service);
            known.check(dependency.service, errors.projects[project->name]);
        }
    });
    report_cycles(references, "projects depend on each other", errors.projects);
}

/// Target lists of no environment; they hold nothing, but somebody thinks they do.
void check_lists(const DocumentTree& tree, CrossErrors& errors) {
    const KnownNames known{"environment", names_below(tree, "environments/")};
    each_below(tree, "environments/", [&](const std::string&, const FilePtr& file) {
        if (const auto* list = document_of<TargetList>(file))
            known.check({list->environment, list->position},
                        errors.environments[list->environment]);
    });
}

void check_scope(const Policy& policy, const std::string& list, const KnownNames& known,
                 std::vector<Error>& warnings) {
    for (const auto& name : scope_of(policy, list).value_or(std::vector<std::string>{}))
        known.check({name, policy.position}, warnings);
}

/// A policy may outlive what it was for, so a name that is not there is no error; but it may be a
/// slip of the pen, so it is told.
void check_policies(const DocumentTree& tree, CrossErrors& errors) {
    const KnownNames environments{"environment", names_below(tree, "environments/")};
    const KnownNames projects{"project", names_below(tree, "projects/")};
    each_below(tree, "policies/", [&](const std::string&, const FilePtr& file) {
        const auto* policy = document_of<Policy>(file);
        if (policy == nullptr) return;
        check_scope(*policy, "environments", environments, errors.warnings);
        check_scope(*policy, "projects", projects, errors.warnings);
    });
}

}  // namespace

CrossErrors cross_check(const DocumentTree& tree) {
    CrossErrors errors;
    check_targets(target_places(tree), errors);
    check_promotion(tree, errors);
    check_dependencies(tree, errors);
    check_lists(tree, errors);
    check_policies(tree, errors);
    return errors;
}

}  // namespace tidegate
