#include <gmock/gmock.h>

#include <csignal>

#include "tests/integration/daemon/config_fixture.h"

namespace tidegate::daemon {
namespace {

TEST_F(ConfigSourceTest, ARestartGoesOnFromAnOlderHistory) {
    std::string accepted;
    {
        auto first = source();
        ASSERT_EQ(version_of(first.poll({})), "1.0.0");
        commit("1.1.0");
        const auto report = first.poll({});
        ASSERT_EQ(version_of(report), "1.1.0");
        accepted = report.status.accepted_commit;
    }
    const auto saved = read_text(history());
    ASSERT_THAT(saved, testing::Not(testing::HasSubstr(accepted))) << "not for every commit";

    auto second = source();
    const auto report = second.open({accepted, {}}, {});
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(version_of(*report), "1.1.0");
    const auto& staging = *report->desired->assignments.at({"staging", "shop-api"});
    EXPECT_EQ(staging.intent.commit, accepted);
    EXPECT_TRUE(read_text(history()) == saved) << "a replay from the root saves anew";
    commit("1.2.0");
    EXPECT_EQ(version_of(second.poll({})), "1.2.0");
}

/// Anybody may write our name, and the trailers of our reverts.
class ForgedRevertTest : public ConfigSourceTest {
protected:
    void SetUp() override {
        ConfigSourceTest::SetUp();
        const auto good = digest_of(first_.poll({}));
        accepted_ = tip();
        commit("1.1.0");
        const auto guilty = digest_of(first_.poll({}));
        write_text(dir_ / "message",
                   "Revert staging/shop-api to 1.0.0\n\n"
                   "Tidegate-Assignment: staging/shop-api\nTidegate-Digest: " +
                       guilty + "\nTidegate-Restores: " + good + "\n");
        write_text(work() / "versions/staging/shop-api.yaml",
                   "apiVersion: tidegate/v1\nkind: Version\nversion: 1.0.0\n");
        git("commit --quiet --all --author 'Tidegate <tidegate@example.com>' --file '" +
            (dir_ / "message") + "'");
    }
    static const Assignment& one_of(const PollReport& report) {
        return *report.desired->assignments.at({"staging", "shop-api"});
    }
    static std::string digest_of(const PollReport& report) {
        return one_of(report).definition->digest.hex();
    }
    /// A later start that has to replay the line from its root.
    bool is_ours_after(const std::string& rebuilt_to) {
        std::filesystem::remove(history());
        auto later = source();
        const auto report = later.open({tip(), {}, rebuilt_to}, {});
        return report && one_of(*report).intent.by_daemon;
    }

    ConfigSource first_ = source();
    std::string accepted_;
};

TEST_F(ForgedRevertTest, IsAPersonsCommit) {
    EXPECT_FALSE(one_of(first_.poll({})).intent.by_daemon);
    EXPECT_FALSE(is_ours_after(accepted_)) << "nor by a replay";
}

TEST_F(ForgedRevertTest, IsTakenForOursOnlyWhereTheStoreIsYounger) {
    auto rebuilt = source();
    const auto report = rebuilt.poll({});
    EXPECT_TRUE(one_of(report).intent.by_daemon);
    EXPECT_EQ(report.rebuilt_to, tip());
    EXPECT_TRUE(is_ours_after(report.rebuilt_to));
}

/// What the line says of the assignment, and whether it is still gated by a window.
struct Facts {
    std::string commit, parent;
    bool window = false;
    friend bool operator==(const Facts&, const Facts&) = default;
};
Facts facts_of(const PollReport& report) {
    const auto& one = *report.desired->assignments.at({"staging", "shop-api"});
    return {one.intent.commit, one.intent.parent, one.anchor_rules.at(0)->window.has_value()};
}

/// A window is accepted; then comes a merge made the wrong way round whose topic, older than the
/// window, drops it and brings 1.1.0.
class WrongWayTest : public ConfigSourceTest {
protected:
    void SetUp() override {
        ConfigSourceTest::SetUp();
        auto first = source();
        ASSERT_TRUE(first.poll({}).desired);
        older_history_ = read_text(history());
        git("branch topic");
        std::ofstream{work() / "environments/staging.yaml", std::ios::app}
            << "release_window: business-hours\n";
        git("commit --quiet --all --message window");
        window_ = first.poll({}).status.accepted_commit;
        git("checkout --quiet topic");
        commit("1.1.0");
        git("merge --quiet --strategy=ours --message wrong main");
        git("checkout --quiet -B main");
        const auto report = first.poll({});
        ASSERT_EQ(report.status.errors.size(), 0U);
        facts_ = facts_of(report);
        ASSERT_EQ(facts_, (Facts{tip(), window_, true}));
    }
    void expect_the_same_facts() {
        auto second = source();
        auto report = second.open({tip(), {}}, {});
        if (!report) report = second.poll({});
        ASSERT_TRUE(report->desired) << report->status.poll_error;
        EXPECT_EQ(facts_of(*report), facts_);
        commit("1.2.0");
        EXPECT_EQ(version_of(second.poll({})), "1.2.0");
    }

    std::string older_history_, window_;
    Facts facts_;
};

TEST_F(WrongWayTest, ARestartKeepsTheAnchor) { expect_the_same_facts(); }
TEST_F(WrongWayTest, AnOlderHistoryKeepsTheAnchor) {
    write_text(history(), older_history_);
    expect_the_same_facts();
}
TEST_F(WrongWayTest, ALostHistoryKeepsTheAnchor) {
    std::filesystem::remove(history());
    expect_the_same_facts();
}
TEST_F(WrongWayTest, ALostCloneKeepsTheAnchor) {
    std::filesystem::remove_all(dir_ / "git");
    expect_the_same_facts();
}

TEST_F(ConfigSourceTest, AHistoryOfAnotherLineIsReplayed) {
    std::string tip;
    {
        auto first = source();
        ASSERT_EQ(version_of(first.poll({})), "1.0.0");
        const auto old = read_text(history());
        git("commit --quiet --amend --message other");
        tip = first.poll({}).status.tip_commit;
        ASSERT_TRUE(first.accept(tip, {}));
        EXPECT_THAT(read_text(history()), testing::StartsWith(tip))
            << "a new line is saved at once";
        write_text(history(), old);
    }
    const auto report = source().open({tip, {}}, {});
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(version_of(*report), "1.0.0");
    EXPECT_THAT(read_text(history()), testing::StartsWith(tip));
}

TEST_F(ConfigSourceTest, ATipThatCouldNotBeTakenInIsTriedAgain) {
    auto first = source();
    ASSERT_TRUE(first.poll({}).desired);
    const auto before = tip();
    commit("1.1.0");
    const auto blocked = dir_ / ("git/refs/tidegate/accepted/" + tip());
    std::filesystem::create_directories(blocked);
    write_text(blocked + "/x", before + "\n");
    const auto failed = first.poll({});
    EXPECT_FALSE(failed.status.poll_error.empty());
    EXPECT_FALSE(failed.desired);
    std::filesystem::remove_all(blocked);
    const auto report = first.poll({});
    ASSERT_TRUE(report.desired);
    EXPECT_EQ(version_of(report), "1.1.0");
    EXPECT_EQ(report.status.accepted_commit, tip());
}

TEST_F(ConfigSourceTest, AnotherLineIsHeldUntilAPersonAcceptsExactlyItsTip) {
    auto first = source();
    const auto base = first.poll({}).status.accepted_commit;
    write_text(work() / "versions/production/shop-api.yaml",
               "apiVersion: tidegate/v1\nkind: Version\nversion: 9.9.9\n");
    commit("1.1.0");
    const auto discarded = tip();
    ASSERT_EQ(first.poll({}).status.accepted_commit, discarded);
    const auto other = force_to(base, "1.2.0");
    const auto held = first.poll({});
    EXPECT_EQ(held.status.tip_state, TipState::held);
    EXPECT_FALSE(held.held.empty());
    EXPECT_EQ(held.status.accepted_commit, discarded);
    EXPECT_FALSE(first.accept(base, {}));

    git("update-ref refs/heads/main " + discarded);
    const auto undone = first.poll({});
    EXPECT_EQ(undone.status.tip_state, TipState::accepted);
    EXPECT_TRUE(undone.held.empty());
    EXPECT_TRUE(undone.status.errors.empty());

    git("update-ref refs/heads/main " + other);
    const auto accepted = first.accept(other, {});
    ASSERT_TRUE(accepted) << accepted.error().text();
    EXPECT_EQ(version_of(*accepted), "1.2.0");
    EXPECT_FALSE(accepted->documents->contains("versions/production/shop-api.yaml"))
        << "a file of the discarded line";
    EXPECT_TRUE(accepted->held.empty());

    commit("1.3.0");
    ASSERT_EQ(version_of(first.poll({})), "1.3.0");
    git("update-ref refs/heads/main " + other);
    EXPECT_EQ(first.poll({}).status.tip_state, TipState::held) << "accepted once is not for ever";
}

TEST_F(ConfigSourceTest, WhatWasAcceptedIsNotForgottenWithTheClone) {
    Accepted accepted;
    {
        auto first = source();
        const auto base = first.poll({}).status.accepted_commit;
        commit("1.1.0");
        const auto report = first.poll(Timestamp{Milliseconds{1'000}});
        accepted = {report.status.accepted_commit, *report.status.accepted_at};
        (void)force_to(base, "1.2.0");
    }
    std::filesystem::remove_all(dir_ / "git");
    auto second = source();
    ASSERT_FALSE(second.open(accepted, {})) << "the commit cannot be read";
    const auto held = second.poll({});
    EXPECT_EQ(held.status.tip_state, TipState::held);
    EXPECT_FALSE(held.desired);

    const auto by_person = second.accept(tip(), {});
    ASSERT_TRUE(by_person) << by_person.error().text();
    EXPECT_EQ(version_of(*by_person), "1.2.0");
}

/// A Git child that is killed after each fetch while `dies`.
struct DyingChild {
    DyingChild(SourceOptions from, const test::TempDir& dir) : options{std::move(from)} {
        const auto pid = dir / "pid";
        const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
        options.process.executable = "/bin/sh";
        options.process.arguments = {"-c",
                                     "echo $$ > '" + pid + "'; exec '" + self + "' --git-child"};
        options.crash_point = [this, pid](std::string_view) {
            if (dies) ::kill(std::stoi(read_text(pid)), SIGKILL);
        };
    }
    DyingChild(const DyingChild&) = delete;
    DyingChild& operator=(const DyingChild&) = delete;

    SourceOptions options;
    bool dies = false;
};

/// After a start: what looks at the age of the last poll must not take the try for one.
TEST_F(ConfigSourceTest, AMissingBranchIsNoPollAndIsToldWithThoseThereAre) {
    auto options = source_options();
    options.branch = "prod";
    ConfigSource source{options};
    const auto report = source.poll({});
    EXPECT_FALSE(report.status.last_poll_at);
    EXPECT_THAT(report.status.poll_error,
                testing::EndsWith("there is no branch prod; it has main"));
}

TEST_F(ConfigSourceTest, TrailersOutOfReachAreToldOf) {
    auto source = this->source();
    (void)source.poll({});
    const auto file = dir_ / "message";
    write_text(file, "long\n\n" + std::string(70'000, 'x') + "\n\nTidegate-Emergency: late\n");
    git("commit --quiet --allow-empty --file '" + file + "'");
    const auto report = source.poll({});
    EXPECT_THAT(report.status.warnings,
                testing::Contains(testing::Field(
                    &Error::message,
                    testing::StartsWith("commit " + tip() + ": its trailers are out of reach"))));
}

TEST_F(ConfigSourceTest, ACommitThatIsInNoGitIsNotFound) {
    auto source = this->source();
    (void)source.poll({});
    const auto lost = source.load_definition({"staging", "shop-api"}, std::string(40, 'e'));
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, ErrorCode::not_found) << "for good, not for a while";
}

TEST_F(ConfigSourceTest, ATipThatCannotBeReadIsHeldWithItsError) {
    DyingChild child{source_options(), dir_};
    ConfigSource source{child.options};
    const auto accepted = source.poll({}).status.accepted_commit;
    commit("1.1.0");
    child.dies = true;
    const auto report = source.poll({});
    EXPECT_EQ(report.status.tip_commit, tip());
    EXPECT_EQ(report.status.tip_state, TipState::held);
    EXPECT_EQ(report.status.errors.size(), 1u);
    EXPECT_FALSE(report.status.poll_error.empty());
    EXPECT_EQ(report.status.accepted_commit, accepted);
    child.dies = false;
    const auto well = source.poll({});
    EXPECT_EQ(well.status.tip_state, TipState::accepted);
    EXPECT_EQ(well.status.poll_error, "");
    EXPECT_EQ(version_of(well), "1.1.0");
}

/// Or the history before the tip would be gone for a child that died.
TEST_F(ConfigSourceTest, AcceptBeginsNoLineAnewForWhatPasses) {
    std::string root;
    {
        auto first = source();
        root = first.poll({}).desired->root_commit;
        commit("1.1.0");
        ASSERT_TRUE(first.poll({}).desired);
    }
    std::filesystem::remove(history());
    std::filesystem::remove_all(dir_ / "git");
    DyingChild child{source_options(), dir_};
    ConfigSource second{child.options};
    ASSERT_FALSE(second.open({tip(), {}}, {}));
    child.dies = true;
    const auto refused = second.accept(tip(), {});
    ASSERT_FALSE(refused) << refused->desired->root_commit;
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    child.dies = false;
    const auto accepted = second.accept(tip(), {});
    ASSERT_TRUE(accepted) << accepted.error().text();
    EXPECT_EQ(accepted->desired->root_commit, root);
}

TEST_F(ConfigSourceTest, ALineThatCouldNotBeTakenInChangesNoChecks) {
    auto first = source();
    const auto before = first.poll({});
    commit("1.1.0");
    ASSERT_TRUE(first.poll({}).desired);
    const auto line = tip();
    const auto other = force_to(before.status.accepted_commit, "1.2.0");
    ASSERT_EQ(first.poll({}).status.tip_state, TipState::held);
    const auto blocked = dir_ / ("git/refs/tidegate/accepted/" + other);
    std::filesystem::create_directories(blocked);
    write_text(blocked + "/x", other + "\n");
    ASSERT_FALSE(first.accept(other, {}));
    (void)force_to(line, "1.3.0");
    const auto after = first.poll({});
    ASSERT_EQ(version_of(after), "1.3.0");
    EXPECT_EQ(after.lenient_until, before.lenient_until);
}

TEST_F(ConfigSourceTest, FoldersOfAnyDepthHoldNothingUp) {
    std::string deep;
    for (int i = 0; i < 80; ++i) deep += "d/";
    const auto add = [&](const std::string& top) {
        std::filesystem::create_directories(work() / top / deep);
        write_text(work() / top / deep / "x.yaml", "x");
    };
    add("docs");
    commit("1.1.0");
    auto first = source();
    const auto outside = first.poll({});
    ASSERT_EQ(version_of(outside), "1.1.0") << outside.status.poll_error;
    EXPECT_EQ(outside.status.tip_state, TipState::accepted);
    add("projects");
    add("docs/more");
    commit("1.2.0");
    const auto inside = first.poll({});
    ASSERT_TRUE(inside.desired) << inside.status.poll_error;
    EXPECT_EQ(version_of(inside), "1.2.0");
    ASSERT_EQ(inside.status.errors.size(), 1u);
    EXPECT_THAT(inside.status.errors[0].text(), testing::HasSubstr("nested deeper than 64"));
    EXPECT_THAT(inside.status.errors[0].position.file, testing::StartsWith("projects/d/d/"));
    auto anew = source();
    EXPECT_EQ(anew.poll({}).status.errors, inside.status.errors) << "from the root, the same";
    git("rm -r --quiet projects/d");
    commit("1.3.0");
    EXPECT_EQ(first.poll({}).status.tip_state, TipState::accepted);
}

/// After a lost store targets report what was last good where they were then, in any environment.
TEST_F(ConfigSourceTest, WhatWasGoodInAnotherEnvironmentIsNotGoodHere) {
    const AssignmentKey staging{"staging", "shop-api"};
    auto source = this->source();
    const auto good_of = [](const PollReport& report, const char* environment) {
        const auto& one = *report.desired->assignments.at({environment, "shop-api"})->definition;
        return LastGood{one.digest, report.status.accepted_commit, one.version};
    };
    const auto here = good_of(source.poll({}), "staging");
    commit("1.1.0");
    const auto report = source.poll({});
    const auto elsewhere = good_of(report, "prod");
    EXPECT_EQ(source.find_last_good(staging, {elsewhere, here}).value(), here);
    EXPECT_EQ(source.find_last_good(staging, {elsewhere}).value(), std::nullopt);
    EXPECT_EQ(source.find_last_good(staging, {here, good_of(report, "staging")}).value()->version,
              "1.1.0");
}

TEST_F(ConfigSourceTest, ALostCloneIsFetchedAnew) {
    Accepted accepted;
    {
        auto first = source();
        const auto report = first.poll(Timestamp{Milliseconds{1'000}});
        accepted = {report.status.accepted_commit, *report.status.accepted_at};
    }
    std::filesystem::remove_all(dir_ / "git");
    auto second = source();
    ASSERT_FALSE(second.open(accepted, {}));
    const auto report = second.poll(Timestamp{Milliseconds{9'000}});
    ASSERT_TRUE(report.desired);
    EXPECT_EQ(report.status.accepted_at, accepted.at) << "it was accepted then, not now";
    commit("1.1.0");
    EXPECT_EQ(version_of(second.poll({})), "1.1.0");
}

}  // namespace
}  // namespace tidegate::daemon

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view{argv[1]} == "--git-child")
        return tidegate::git::run_git_child(0, 1);
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
