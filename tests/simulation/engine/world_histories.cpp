#include "tests/simulation/engine/world.h"

namespace tidegate::simulation {

using namespace std::chrono_literals;

void World::land(const std::string& what, const Edits& edits) {
    note(what);
    git_.commit(edits, now_);
    ensure_agents();
}

Edits World::some_version() {
    const auto key = some_assignment();
    const auto* former = git_.spec_at_tip(key);
    auto spec = former ? *former : Spec{"v0"};
    person_writes_version(key, spec);
    return {{version_path(key), text_of(spec)}};
}

/// A project's script changes, and with it every environment that has the project.
Edits World::some_script() {
    const auto project = some_assignment().project;
    const auto script = fmt::format("{} {}", pick(0, 2) == 0 ? "bad" : "install", pick(0, 3));
    return {{project_path(project), project_text(project, script, git_.fleet().slotted)}};
}

/// One to three commits on a branch.
void World::person_merges(bool wrong_way) {
    note(wrong_way ? "merge the wrong way round" : "merge");
    std::vector<Edits> edits;
    for (int i = pick(1, 3); i > 0; --i) edits.push_back(some_version());
    git_.merge(edits, pick(0, 2), wrong_way, now_);
}

/// What cannot be read holds what depends on it. Somebody repairs the files that are shared; a
/// version file is written anew by its next version.
void World::person_breaks_a_file() {
    const auto key = some_assignment();
    const auto path = pick(0, 1) == 0   ? version_path(key)
                      : pick(0, 1) == 0 ? project_path(key.project)
                                        : environment_path(key.environment);
    const auto text = git_.text(git_.tip(), path);
    if (!text) return;
    land("break " + path, {{path, *text + "nonsense: true\n"}});
    if (path == version_path(key)) return;
    later(Milliseconds(pick(1'000, 3'600'000)), [this, path, text] {
        if (git_.text(git_.tip(), path) == *text + "nonsense: true\n")
            land("repair " + path, {{path, *text}});
    });
}

/// An edit that asks for nothing: the file differs from what any commit with the same wish has.
void World::person_notes() {
    const auto key = some_assignment();
    const auto* former = git_.spec_at_tip(key);
    if (!former) return;
    auto spec = *former;
    spec.note = fmt::format("note {}", pick(0, 999));
    land("a note on " + key.text(), {{version_path(key), text_of(spec)}});
}

void World::person_shapes_history() {
    switch (pick(0, 7)) {
        case 0:
            return person_merges(false);
        case 1:
            return person_merges(true);
        case 2:
            return land("a script", some_script());
        case 3: {
            auto edits = some_script();
            edits.merge(some_version());
            return land("a version with a script", edits);
        }
        case 4:
            return person_breaks_a_file();
        case 5:
            if (git_.merge_offer(now_)) note("merged what was offered");
            return;
        default:
            return person_notes();
    }
}

}  // namespace tidegate::simulation
