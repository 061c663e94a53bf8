#pragma once
/// A short line of commits, for the history that is kept beside the store: a bump, an environment
/// that left, a bad version and our own revert of it.

#include "schema/resolve/line_tracker.h"
#include "tests/unit/resolve/tree_builder.h"

namespace tidegate::before {

struct FollowedLine {
    LineTracker tracker{{testing_support::zones, "Tidegate <tidegate@example.com>"}};
    testing_support::Tree tree = testing_support::small_tree();
    int length = 0;

    void commit(bool own = false) {
        LineCommit meta;
        meta.parent = tracker.tip();
        meta.id = std::string(39, '0') + std::to_string(++length);
        meta.author_name = "Ann";
        meta.author_email = "ann@example.com";
        meta.authors = {"Ann <ann@example.com>"};
        meta.message = "subject";
        meta.own = own;
        tracker.add_commit(meta, tree.files, tree.take_changed());
    }
};

inline FollowedLine followed_line() {
    using testing_support::environment;
    using testing_support::version;
    FollowedLine line;
    line.tree.add(environment("preview", {"pre-1"})).add(version("preview", "api", "1.0.0"));
    line.commit();
    line.tree.add(version("prod", "api", "1.1.0"));
    line.commit();
    line.tree.remove("environments/preview.yaml").remove("versions/preview/api.yaml");
    line.commit();
    line.tree.add(version("prod", "web", "2.1.0"));
    line.commit();
    line.tree.add(version("prod", "web", "2.0.0"));
    line.commit(true);
    return line;
}

}  // namespace tidegate::before
