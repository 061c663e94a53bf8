#pragma once
/// Histories whose commits are judged by the checks of different builds.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/integration/daemon/config_fixture.h"
#include "tests/integration/daemon/revert_done.h"

namespace tidegate::daemon {

inline const AssignmentKey kStaging{"staging", "shop-api"};
inline constexpr auto kProject = "projects/shop-api.yaml";
inline constexpr auto kEnvironment = "environments/staging.yaml";

inline std::string lines_of(const std::vector<Error>& errors) {
    std::string lines;
    for (const auto& error : errors) lines += error.text() + '\n';
    return lines;
}

class ConfigChecksTest : public ConfigSourceTest {
protected:
    [[nodiscard]] std::string text(const std::string& path) const {
        return read_text(work() / path);
    }
    /// Another text of the file in the next commit.
    void put(const std::string& path, const std::string& content) const {
        std::filesystem::create_directories((work() / path).parent_path());
        write_text(work() / path, content);
    }
    void commit_all(const std::string& message) {
        git("add --all");
        git("commit --quiet --message " + message);
    }
    void in_work(const std::string& command) const {
        const auto line = "cd '" + work().string() + "' && " + command;
        ASSERT_EQ(std::system(line.c_str()), 0)
            << line;  // NOLINT(concurrency-mt-unsafe): one thread
    }
    void replace(const std::string& path, const std::string& what, const std::string& by) const {
        auto content = text(path);
        const auto at = content.find(what);
        ASSERT_NE(at, std::string::npos) << what;
        put(path, content.replace(at, what.size(), by));
    }
    /// The tip as the first commit that this build finds accepted by one that knew no newer checks.
    PollReport upgrade(ConfigSource& source, Accepted before = {}) const {
        {
            auto clones = this->source();
            (void)clones.poll({});
        }
        std::filesystem::remove(history());
        before.commit = tip();
        auto report = source.open(before, {});
        EXPECT_TRUE(report) << report.error().text();
        return report.value_or(PollReport{});
    }
    /// What this build finds after a restart, with its caches and without.
    void expect_the_same_after_a_restart(const PollReport& report) {
        for (const bool cached : {true, false}) {
            if (!cached) std::filesystem::remove(history());
            auto again = source();
            const auto found = again.open({report.status.accepted_commit,
                                           {},
                                           {},
                                           report.lenient_until,
                                           report.second_until,
                                           report.fourth_until},
                                          own_);
            ASSERT_TRUE(found) << found.error().text();
            EXPECT_EQ(found->second_until, report.second_until);
            EXPECT_EQ(found->fourth_until, report.fourth_until);
            EXPECT_EQ(lines_of(found->status.errors), lines_of(report.status.errors));
            EXPECT_EQ(found->lenient_until, report.lenient_until);
            for (const auto& [key, one] : report.desired->assignments) {
                const auto& other = *found->desired->assignments.at(key);
                EXPECT_EQ(other.definition->digest, one->definition->digest) << key.text();
                if (!one->config_errors.empty()) {
                    EXPECT_EQ(other.commit, one->commit) << key.text();
                }
                EXPECT_EQ(other.intent.commit, one->intent.commit) << key.text();
                EXPECT_TRUE(std::ranges::equal(other.targets, one->targets, {},
                                               &DesiredTarget::digest, &DesiredTarget::digest))
                    << key.text();
            }
        }
    }
    static const Assignment& staging(const PollReport& report) {
        return *report.desired->assignments.at(kStaging);
    }
    /// Takes the tip back to `good`, which was in force at `base`.
    void revert_tip(ConfigSource& source, const Definition& good, const std::string& base) {
        engine::RevertRequest request;
        request.key = kStaging;
        request.release = "0f8fad5b-d9cb-469f-a165-70867728950e";
        request.good = LastGood{good.digest, base, good.version};
        const auto bad = source.poll({});
        request.guilty_digest = staging(bad).definition->digest;
        request.guilty_commit = tip();
        const auto prepared = source.revert(request, {});
        ASSERT_TRUE(test::got<engine::RevertDone::Prepared>(prepared));
        request.prepared = test::got<engine::RevertDone::Prepared>(prepared)->commit;
        own_ = {request.prepared};
        git("config receive.denyCurrentBranch ignore");
        ASSERT_TRUE(test::got<engine::RevertDone::Pushed>(source.revert(request, {})));
        git("reset --quiet --hard");
    }
    std::set<std::string> own_;  ///< commits of ours
};

}  // namespace tidegate::daemon
