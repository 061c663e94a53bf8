#pragma once
/// A line of commits by hand, for tests of what follows it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "schema/resolve/line_tracker.h"
#include "tests/unit/resolve/tree_builder.h"

namespace tidegate::testing_support {

inline const AssignmentKey kProdWeb{"prod", "web"};
inline constexpr auto kIdentity = "Tidegate <tidegate@example.com>";

/// A line of commits c1, c2, …; c1 is the small tree. Keeps every tree, as Git would.
class Line {
public:
    explicit Line(Checks by = kChecksNow) : checks{by} { commit(); }

    Checks checks;  ///< that the next commit is judged by
    Tree tree = small_tree();
    LineTracker tracker{{zones, kIdentity}};

    /// Commits what was changed in `tree`; `adjust` may set author, trailers …
    std::string commit(const std::function<void(LineCommit&)>& adjust = {}) {
        LineCommit meta;
        meta.parent = tracker.tip();
        meta.id = "c" + std::to_string(trees_.size() + 1);
        meta.author_name = "Ann";
        meta.author_email = "ann@example.com";
        meta.authors = {"Ann <ann@example.com>"};
        meta.message = "subject of " + meta.id + "\n\nbody";
        meta.committed_at = Timestamp{Seconds{trees_.size()}};
        meta.checks = checks;
        if (!meta.parent.empty() && checks != tracker.checks()) tracker.adopt(checks, before_);
        if (adjust) adjust(meta);
        trees_[meta.id] = before_ = tree.files;
        checks_[meta.id] = checks;
        tracker.add_commit(meta, tree.files, tree.take_changed());
        return meta.id;
    }

    Desired desired() {
        for (const auto& id : tracker.missing()) tracker.provide(id, trees_.at(id), checks_.at(id));
        EXPECT_THAT(tracker.missing(), testing::IsEmpty());
        return tracker.desired(Timestamp{});
    }
    AssignmentPtr get(const AssignmentKey& key = kProdApi) {
        const auto all = desired().assignments;
        return all.contains(key) ? all.at(key) : nullptr;
    }
    [[nodiscard]] const DocumentTree& tree_at(const std::string& commit) const {
        return trees_.at(commit);
    }
    /// As after a restart of the daemon.
    void restart() {
        const auto json = tracker.json();
        auto loaded = LineTracker::load({zones, kIdentity}, json, tree.files);
        ASSERT_TRUE(loaded) << loaded.error().text();
        tracker = std::move(*loaded);
        EXPECT_TRUE(tracker.json() == json) << "what is loaded is what was saved";
    }

private:
    std::map<std::string, DocumentTree> trees_;
    std::map<std::string, Checks> checks_;
    DocumentTree before_;
};

}  // namespace tidegate::testing_support
