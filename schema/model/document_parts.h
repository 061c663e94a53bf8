#pragma once
/// The parts of every record of a parsed file, in order of declaration. Structured bindings take
/// all members or do not compile, so that a new field cannot be forgotten here.
/// Private to document_codec.cpp.

#include <concepts>
#include <tuple>
#include <type_traits>

#include "schema/model/documents.h"

namespace tidegate::codec {

template <class T, class... Records>
concept Is = (std::same_as<std::remove_const_t<T>, Records> || ...);

auto parts(Is<AssignmentKey, Reference, Amount, Artifact, Pin, HeaderMatch> auto& r) {
    auto& [a, b] = r;
    return std::tie(a, b);
}
auto parts(Is<CanaryStep, Freeze, RollbackCondition, Promote, Restored, TargetList, ApprovalList,
              Trust, Error, ParsedFile> auto& r) {
    auto& [a, b, c] = r;
    return std::tie(a, b, c);
}
auto parts(Is<WindowSlot, Service, ScriptTimeouts, Deploy> auto& r) {
    auto& [a, b, c, d] = r;
    return std::tie(a, b, c, d);
}
auto parts(Is<Dependency, Pipeline, Policy> auto& r) {
    auto& [a, b, c, d, e] = r;
    return std::tie(a, b, c, d, e);
}
auto parts(Is<ClusterGroup, RollbackRules> auto& r) {
    auto& [a, b, c, d, e, f] = r;
    return std::tie(a, b, c, d, e, f);
}
auto parts(Is<Variable> auto& r) {
    auto& [a, b, c, d, e, f, g] = r;
    return std::tie(a, b, c, d, e, f, g);
}
auto parts(Is<Project> auto& r) {
    auto& [a, b, c, d, e, f, g, h] = r;
    return std::tie(a, b, c, d, e, f, g, h);
}
auto parts(Is<TargetSpec, Repository> auto& r) {
    auto& [a, b, c, d, e, f, g, h, i] = r;
    return std::tie(a, b, c, d, e, f, g, h, i);
}
auto parts(Is<HealthCheck, ReleaseWindow> auto& r) {
    auto& [a, b, c, d, e, f, g, h, i, j] = r;
    return std::tie(a, b, c, d, e, f, g, h, i, j);
}
auto parts(Is<ScriptDeploy, Traffic> auto& r) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = r;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l);
}
auto parts(Is<Environment> auto& r) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = r;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
}
auto parts(Is<Task, Version> auto& r) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, s] = r;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, s);
}

auto parts(Is<Strategy> auto& r) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, s, t] = r;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, s, t);
}

template <class T>
concept Record = requires(T& record) {
    parts(record);
};

}  // namespace tidegate::codec
