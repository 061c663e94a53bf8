#include <gmock/gmock.h>

#include "tests/integration/daemon/config_fixture.h"

namespace tidegate::daemon {
namespace {

using engine::RevertDone;

/// 1.0.0 was good; what is reverted is the commit that `guilty` makes.
class ConfigRevertTest : public ConfigSourceTest {
protected:
    void SetUp() override {
        ConfigSourceTest::SetUp();
        const auto report = source_.poll({});
        const auto& good = *report.desired->assignments.at(kKey)->definition;
        request_.key = kKey;
        request_.release = "0f8fad5b-d9cb-469f-a165-70867728950e";
        request_.reason = "it does not start";
        request_.good = LastGood{good.digest, tip(), good.version};
    }
    void guilty(const std::string& version) {
        commit(version);
        const auto report = source_.poll({});
        const auto& bad = *report.desired->assignments.at(kKey);
        request_.guilty_digest = bad.definition->digest;
        request_.guilty_commit = bad.intent.digest_commit;
        request_.guilty_version = bad.definition->version;
    }
    /// Another commit, taken in.
    void then(const std::string& path, const std::string& text) {
        write_text(work() / path, text);
        git("add --all");
        git("commit --quiet --message then");
        ASSERT_EQ(source_.poll({}).status.accepted_commit, tip());
    }
    auto revert() { return source_.revert(request_, {}).outcome; }
    std::string show(const std::string& object) {
        git("fetch --quiet ../git '+refs/tidegate/*:refs/tidegate/*'");
        git("show " + object + " > ../shown");
        return read_text(dir_.path() / "shown");
    }

    static inline const AssignmentKey kKey{"staging", "shop-api"};
    static constexpr auto kVersionFile = "versions/staging/shop-api.yaml";
    ConfigSource source_ = source();
    engine::RevertRequest request_;
};

TEST_F(ConfigRevertTest, WaitsWhileTheTipIsNotValid) {
    guilty("1.1.0");
    const auto project = read_text(work() / "projects/shop-api.yaml");
    then("projects/shop-api.yaml", project + "flavour: sweet\n");
    const auto waits = revert();
    ASSERT_TRUE(std::holds_alternative<RevertDone::Failed>(waits));
    EXPECT_EQ(std::get<RevertDone::Failed>(waits).error.code, ErrorCode::conflict);
    EXPECT_THAT(std::get<RevertDone::Failed>(waits).error.message,
                testing::HasSubstr("not valid at the tip"));
    then("projects/shop-api.yaml", project);
    EXPECT_TRUE(std::holds_alternative<RevertDone::Prepared>(revert()));
}

}  // namespace
}  // namespace tidegate::daemon
