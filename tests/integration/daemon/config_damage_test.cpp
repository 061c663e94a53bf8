#include <gmock/gmock.h>

#include "tests/integration/daemon/config_fixture.h"
#include "tests/integration/daemon/revert_done.h"

namespace tidegate::daemon {
namespace {

namespace fs = std::filesystem;
using engine::RevertDone;
using testing::HasSubstr;

constexpr Timestamp kNoon{Seconds{1'795'348'800}};

std::vector<fs::path> packs(const fs::path& copy, const char* extension) {
    std::vector<fs::path> found;
    for (const auto& file : fs::directory_iterator{copy / "objects/pack"})
        if (file.path().extension() == extension) found.push_back(file.path());
    return found;
}

/// The daemon's copy, of two packs and with one more commit accepted than the history file knows.
class ConfigDamageTest : public ConfigSourceTest {
protected:
    void SetUp() override {
        ConfigSourceTest::SetUp();
        auto first = source();
        ASSERT_TRUE(first.poll(kNoon).desired);
        older_pack_ = packs(copy(), ".pack").at(0);
        commit("1.1.0");
        accepted_ = first.poll(kNoon).status.accepted_commit;
        ASSERT_EQ(accepted_, tip());
    }
    [[nodiscard]] fs::path copy() const { return dir_.path() / "git"; }
    [[nodiscard]] bool is_aside() const { return fs::exists(dir_ / "git.damaged"); }
    /// What a daemon finds that starts now, with a newer commit at the remote.
    void expect_it_goes_on() {
        commit("1.2.0");
        auto second = source();
        (void)second.open({accepted_, {}}, {});
        const auto report = second.poll(kNoon);
        ASSERT_TRUE(report.desired) << report.status.poll_error << report.held;
        EXPECT_EQ(version_of(report), "1.2.0");
        EXPECT_EQ(report.status.poll_error, "");
        EXPECT_EQ(report.held, "");
        commit("1.3.0");
        EXPECT_EQ(version_of(second.poll(kNoon)), "1.3.0");
    }

    std::string accepted_;
    fs::path older_pack_;  ///< all but the tip
};

struct Damage {
    const char* name;
    std::function<void(const fs::path& copy)> make;
};
void for_packs(const fs::path& copy, const char* extension, void (*change)(const fs::path&)) {
    for (const auto& file : packs(copy, extension)) change(file);
}

class AfterAPowerCutTest : public ConfigDamageTest, public testing::WithParamInterface<Damage> {};
TEST_P(AfterAPowerCutTest, TheCopyIsMadeAnew) {
    GetParam().make(copy());
    expect_it_goes_on();
    EXPECT_FALSE(is_aside()) << "nothing was only there";
    EXPECT_FALSE(fs::exists(dir_ / "git.new"));
}
INSTANTIATE_TEST_SUITE_P(
    Of, AfterAPowerCutTest,
    testing::Values(
        Damage{"ref", [](const auto& at) { write_text(at / "refs/tidegate/remote/main", ""); }},
        Damage{"zeros_in_a_ref",
               [](const auto& at) {
                   write_text(at / "refs/tidegate/remote/main", std::string(41, '\0'));
               }},
        Damage{"kept_commit",
               [](const auto& at) {
                   for (const auto& ref : fs::directory_iterator{at / "refs/tidegate/accepted"})
                       write_text(ref.path(), "");
               }},
        Damage{"cut_packs",
               [](const auto& at) {
                   for_packs(at, ".pack",
                             [](const fs::path& f) { fs::resize_file(f, fs::file_size(f) / 2); });
               }},
        Damage{"empty_packs",
               [](const auto& at) {
                   for_packs(at, ".pack", [](const fs::path& f) { fs::resize_file(f, 0); });
               }},
        Damage{"packs_gone",
               [](const auto& at) {
                   for_packs(at, ".pack", [](const fs::path& f) { fs::remove(f); });
               }},
        Damage{"indexes_cut",
               [](const auto& at) {
                   for_packs(at, ".idx",
                             [](const fs::path& f) { fs::resize_file(f, fs::file_size(f) / 2); });
               }},
        Damage{"zeros_in_packs",
               [](const auto& at) {
                   for_packs(at, ".pack", [](const fs::path& f) {
                       auto text = read_text(f);
                       std::fill(text.begin() + 40, text.end() - 30, '\0');
                       write_text(f, text);
                   });
               }},
        Damage{"objects_gone", [](const auto& at) { fs::remove_all(at / "objects"); }},
        Damage{"config", [](const auto& at) { write_text(at / "config", std::string(90, '\0')); }},
        Damage{"empty_head", [](const auto& at) { write_text(at / "HEAD", ""); }},
        Damage{"packed_refs", [](const auto& at) { write_text(at / "packed-refs", "\1\2\3"); }}),
    [](const auto& each) { return each.param.name; });

/// Somebody tidies up under a daemon that lives.
TEST_F(ConfigDamageTest, ACopyThatIsRemovedWhileItIsOpenIsMadeAnew) {
    auto living = source();
    (void)living.open({accepted_, {}}, {});
    ASSERT_EQ(living.poll(kNoon).status.poll_error, "");
    fs::remove_all(copy());
    commit("1.2.0");
    const auto report = living.poll(kNoon);
    ASSERT_TRUE(report.desired) << report.status.poll_error << report.held;
    EXPECT_EQ(version_of(report), "1.2.0");
    EXPECT_EQ(report.status.poll_error, "");
    EXPECT_FALSE(is_aside());
    commit("1.3.0");
    EXPECT_EQ(version_of(living.poll(kNoon)), "1.3.0");
}

/// What is asked for by its name is not taken for never having been there.
TEST_F(ConfigDamageTest, AnOlderPackAloneIsNoticedToo) {
    fs::resize_file(older_pack_, fs::file_size(older_pack_) / 2);
    expect_it_goes_on();
}

/// What left the branch is in no other place.
TEST_F(ConfigDamageTest, WhatWasOnlyThereIsBroughtOver) {
    {
        auto second = source();
        ASSERT_TRUE(second.open({accepted_, {}}, {}));
        (void)force_to(tip() + "^", "1.2.0");
        ASSERT_TRUE(second.accept(tip(), kNoon));
    }
    write_text(copy() / "refs/tidegate/remote/main", "");
    auto third = source();
    (void)third.open({tip(), {}}, {});
    const auto report = third.poll(kNoon);
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    EXPECT_FALSE(is_aside());
    const auto left = third.load_definition({"staging", "shop-api"}, accepted_);
    ASSERT_TRUE(left) << left.error().text();
    EXPECT_EQ((*left)->version, "1.1.0");
}

/// It waits for a person as before, and says so.
TEST_F(ConfigDamageTest, WhatIsLostIsNamedAndStaysAside) {
    (void)force_to(tip() + "^", "1.2.0");
    fs::remove_all(copy() / "objects");
    fs::create_directories(copy() / "objects/pack");
    auto second = source();
    (void)second.open({accepted_, {}}, {});
    testing::internal::CaptureStdout();
    const auto held = second.poll(kNoon);
    EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("but for commit " + accepted_));
    EXPECT_EQ(held.status.tip_state, TipState::held);
    EXPECT_THAT(held.held, HasSubstr("does not descend from the accepted commit"));
    EXPECT_TRUE(is_aside());
    EXPECT_EQ(version_of(second.accept(tip(), kNoon).value()), "1.2.0");
}

class DamagedRevertTest : public ConfigDamageTest {
protected:
    DamagedRevertTest() { request_.key = {"staging", "shop-api"}; }
    void SetUp() override {
        ConfigDamageTest::SetUp();
        git("config receive.denyCurrentBranch ignore");
        const auto report = source_->open({accepted_, {}}, {});
        ASSERT_TRUE(report);
        const auto& bad = *report->desired->assignments.at(request_.key);
        request_.release = "0f8fad5b-d9cb-469f-a165-70867728950e";
        request_.reason = "it does not start";
        request_.guilty_digest = bad.definition->digest;
        request_.guilty_commit = accepted_;
        request_.guilty_version = "1.1.0";
    }
    auto revert() { return source_->revert(request_, kNoon); }
    void prepare_and_push() {
        request_.prepared.clear();
        const auto made = revert();
        ASSERT_TRUE(test::got<RevertDone::Prepared>(made));
        request_.prepared = test::got<RevertDone::Prepared>(made)->commit;
        ASSERT_TRUE(test::got<RevertDone::Pushed>(revert()));
        EXPECT_EQ(tip(), request_.prepared);
    }

    std::optional<ConfigSource> source_{std::in_place, source_options()};
    engine::RevertRequest request_;
};

/// The copy is in use: what was written is what a power cut takes.
TEST_F(DamagedRevertTest, IsWrittenAnew) {
    const auto made = revert();
    ASSERT_TRUE(test::got<RevertDone::Prepared>(made));
    request_.prepared = test::got<RevertDone::Prepared>(made)->commit;
    for (const auto& file : fs::recursive_directory_iterator{copy() / "objects"})
        if (file.is_regular_file() && file.path().extension().empty()) {
            fs::permissions(file.path(), fs::perms::owner_all);
            write_text(file.path(), "");
        }
    source_.emplace(source_options());
    ASSERT_TRUE(source_->open({accepted_, {}}, {}));
    EXPECT_FALSE(revert());
    EXPECT_EQ(source_->poll(kNoon).status.poll_error, "");
    prepare_and_push();
}

TEST_F(DamagedRevertTest, ThatIsNotThereIsPreparedAgain) {
    request_.prepared = std::string(40, 'b');
    EXPECT_TRUE(test::got<RevertDone::Prepared>(revert()));
    prepare_and_push();
}

/// Or a remote that serves damage would be cloned for ever.
TEST_F(ConfigDamageTest, TheCopyIsMadeAnewOnceAnHourAtMost) {
    auto second = source();
    const auto damage = [&] { write_text(copy() / "refs/tidegate/remote/main", ""); };
    damage();
    (void)second.open({accepted_, {}}, {});
    EXPECT_EQ(second.poll(kNoon).status.poll_error, "");
    for (const auto later : {std::chrono::minutes{1}, std::chrono::minutes{59}}) {
        damage();
        auto again = source();
        (void)again.open({accepted_, {}}, {});
        const auto report = again.poll(kNoon + later);
        EXPECT_THAT(report.status.poll_error, HasSubstr("the local copy of the repo is damaged"));
        EXPECT_THAT(report.status.poll_error, HasSubstr("is not again before"));
    }
    auto last = source();
    (void)last.open({accepted_, {}}, {});
    EXPECT_EQ(last.poll(kNoon + std::chrono::minutes{60}).status.poll_error, "");
}

TEST_F(ConfigDamageTest, ARemoteThatServesDamageIsNotClonedAgainAndAgain) {
    write_text(copy() / "refs/tidegate/remote/main", "");
    const auto tree = work() / ".git/objects";
    fs::rename(tree, dir_ / "objects");
    fs::create_directories(tree / "pack");
    auto second = source();
    (void)second.open({accepted_, {}}, {});
    EXPECT_THAT(second.poll(kNoon).status.poll_error,
                HasSubstr("local copy of the repo is damaged"));
    EXPECT_THAT(second.poll(kNoon + std::chrono::minutes{4}).status.poll_error,
                HasSubstr("is not again before"));
    fs::remove_all(tree);
    fs::rename(dir_ / "objects", tree);
    EXPECT_THAT(second.poll(kNoon + std::chrono::minutes{4}).status.poll_error,
                HasSubstr("is not again before"));
    EXPECT_EQ(second.poll(kNoon + std::chrono::minutes{5}).status.poll_error, "");
}

/// A daemon was killed while it made the copy anew.
TEST_F(ConfigDamageTest, WhatAKilledDaemonLeftBesideTheCopyIsGoneAfterAStart) {
    const auto left = fs::path{dir_ / "git.new"};
    fs::create_directories(left / "objects/pack");
    write_text(left / "objects/pack/tmp_pack_1", "half");
    const auto started = source();
    EXPECT_FALSE(fs::exists(left));
    EXPECT_TRUE(fs::exists(copy() / "objects"));
}

/// Of a file system that cannot exchange two folders at once.
TEST_F(ConfigDamageTest, WithoutTheCopyItselfItStays) {
    fs::rename(copy(), dir_ / "git.new");
    const auto started = source();
    EXPECT_TRUE(fs::exists(dir_ / "git.new"));
}

/// The damaged one serves on as well as it can.
TEST_F(ConfigDamageTest, NothingChangesWhileTheRemoteIsAway) {
    write_text(copy() / "refs/tidegate/remote/main", "");
    fs::rename(work(), dir_ / "away");
    auto second = source();
    (void)second.open({accepted_, {}}, {});
    EXPECT_THAT(second.poll(kNoon).status.poll_error, HasSubstr("there is no folder"));
    EXPECT_TRUE(fs::exists(copy() / "objects"));
    fs::rename(dir_ / "away", work());
    const auto report = second.poll(kNoon);
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    EXPECT_EQ(version_of(report), "1.1.0");
}

}  // namespace
}  // namespace tidegate::daemon
