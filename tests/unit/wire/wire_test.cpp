#include <gtest/gtest.h>

#include <random>

#include "schema/base/limits.h"
#include "schema/base/utf8.h"
#include "schema/wire/frame.h"
#include "schema/wire/messages.h"
#include "schema/wire/names.h"

namespace tidegate::wire {
namespace {

const Timestamp kNoon{Milliseconds{1'795'348'800'123}};

Installation full_installation() {
    return {.key = {"web-1", "shop-api", "blue"},
            .status = InstallStatus::failed,
            .version = "1.4.2",
            .tried_version = "1.4.3",
            .digest = Digest::of("target"),
            .assignment_digest = Digest::of("assignment"),
            .commit = std::string(40, 'a'),
            .drifted = true,
            .drift_reason = "version is 1.4.1",
            .installed_at = kNoon,
            .backups = {{"/opt/apps/shop/backups/2", kNoon}, {"/opt/apps/shop/backups/1", {}}},
            .environment = "prod",
            .last_good = LastGood{Digest::of("good"), std::string(40, 'b'), "1.4.1", true},
            .rejected = LastGood{Digest::of("bad"), std::string(40, 'c'), "1.4.0"},
            .report = 1ULL << 63};
}

ActionResult full_result() {
    return {.id = std::string(64, 'f'),
            .release = "0f0e7a52-1d2e-5c3a-8f00-aa55aa55aa55",
            .step = 3,
            .attempt = 2,
            .kind = ActionKind::rollback,
            .outcome = ActionOutcome::refused,
            .error = "no such driver",
            .host_trouble = "no space left on device",
            .stages = {{"pre_release",
                        {{.name = "port free",
                          .type = "script",
                          .status = TaskStatus::failed,
                          .retry_count = 4,
                          .error = "exit 1",
                          .output = "in use\n",
                          .started_at = kNoon,
                          .finished_at = kNoon + Milliseconds{5}}}},
                       {"release", {}}},
            .installation = full_installation()};
}

HealthCheck full_check() {
    return {.type = CheckType::tcp,
            .url = "http://localhost:${APP_PORT}/health",
            .host = "localhost",
            .port = "${APP_PORT}",
            .script = "true",
            .expected_status = 204,
            .timeout = Seconds{11},
            .retry = 7,
            .interval = Seconds{13},
            .success_threshold = 5};
}

Task full_task() {
    return {.name = "smoke test",
            .type = TaskType::start_service,
            .on_error = OnError::continue_,
            .timeout = Seconds{0},
            .retry = 2,
            .retry_delay = Seconds{3},
            .condition = "${X} == 1",
            .depends_on = {"stop", "copy"},
            .parallel = true,
            .script = "echo \xff",
            .check = full_check(),
            .graceful_timeout = Seconds{31},
            .force_kill = false,
            .wait_ready = true,
            .ready_timeout = Seconds{61},
            .duration = Seconds{17},
            .canonical = {},
            .position = {}};
}

ScriptDeploy full_script() {
    return {.work_dir = "/opt/apps/${APP_NAME}",
            .interpreter = "/bin/sh",
            .environment = {{"A", "1"}, {"B", "2"}, {"C", ""}},
            .install_script = "install",
            .update_script = "update",
            .rollback_script = "rollback",
            .uninstall_script = "uninstall",
            .slot_remove_script = "remove",
            .probe_script = "probe",
            .service = {"start", "stop", "status", "shop.service"},
            .timeouts = {Seconds{1}, Seconds{2}, Seconds{3}, Seconds{4}},
            .shared_work_dir = true};
}

Action full_action() {
    Action action{.id = std::string(64, 'f'),
                  .release = "0f0e7a52-1d2e-5c3a-8f00-aa55aa55aa55",
                  .step = 3,
                  .attempt = 2,
                  .kind = ActionKind::uninstall,
                  .key = {"web-1", "shop-api", "green"},
                  .environment = "prod",
                  .digest = Digest::of("target"),
                  .assignment_digest = Digest::of("assignment"),
                  .commit = std::string(40, 'a'),
                  .version = "1.4.2",
                  .current_version = "1.4.1",
                  .rollback_version = "1.4.0",
                  .last_good = LastGood{Digest::of("good"), std::string(40, 'b'), "1.4.1"},
                  .rejected = LastGood{Digest::of("bad"), std::string(40, 'c'), "1.4.3"},
                  .artifact = Artifact{"https://files.example.com/a.tgz", std::string(64, '0')},
                  .keep_data = true,
                  .target_work_dir = "/opt/apps",
                  .deploy = {DeployType::gitpull, full_script(), {}, {}},
                  .pipeline = {},
                  .rollback_script = "old rollback",
                  .verify = {full_check(), {}},
                  .watch_for = Seconds{602},
                  .variables = {},
                  .start_within = Seconds{59},
                  .deadline = Seconds{601}};
    action.pipeline = {"usual", {full_task()}, {full_task(), Task{}}, {full_task()}, {}};
    action.variables["PORT"] = {
        VariableType::env_specific, "v", {{"prod", "1"}}, "vault", "k", {}, {}};
    action.variables["EMPTY"] = {};
    action.variables["SIDE"] = {VariableType::slot_specific,           "", {}, "", "",
                                {{"blue", "8080"}, {"green", "8081"}}, {}};
    return action;
}

Hello full_hello() {
    return {.agent = "web-1",
            .boot_id = "b00t",
            .version = "0.1.0",
            .capabilities = {"driver.script", "slots"},
            .highest_epoch = 1'795'348'800'123,
            .targets = {"web-1", "web-1b"},
            .epoch_proof = EpochProof{1'795'348'800'124, "signature"}};
}

std::vector<AgentMessage> agent_messages() {
    const Inventory inventory{
        {full_installation(), full_installation()}, {"a1"}, {full_result()}, {"a1"}, {}};
    return {full_hello(),
            InventoryPiece{inventory, true},
            Changed{{full_installation()}},
            Heartbeat{},
            ActionUpdate{"a1", "release", "smoke test", TaskStatus::skipped, 100},
            full_result(),
            Renew{"-----BEGIN"},
            Fenced{1ULL << 40, {}},
            Fenced{1ULL << 40, EpochProof{1ULL << 41, std::string("\0\xff", 2)}}};
}

std::vector<DaemonMessage> daemon_messages() {
    return {Welcome{7, {}, false},     Welcome{7, EpochProof{7, "\xff"}, true},
            Run{7, full_action(), {}}, Cancel{7, "a1"},
            Ack{{"a1", "a2"}},         Certificate{"-----BEGIN"},
            Bye{"shutting down"}};
}

TEST(WireTest, AgentMessagesComeBackWhole) {
    for (const auto& message : agent_messages()) {
        const auto bytes = encode(message);
        ASSERT_TRUE(bytes) << bytes.error().text();
        const auto back = decode_agent(*bytes);
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_EQ(*back, message) << "message " << message.index();
    }
}

TEST(WireTest, DaemonMessagesComeBackWhole) {
    for (const auto& message : daemon_messages()) {
        const auto bytes = encode(message);
        ASSERT_TRUE(bytes) << bytes.error().text();
        const auto back = decode_daemon(*bytes);
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_EQ(*back, message) << "message " << message.index();
        EXPECT_EQ(*encode(*back), *bytes);
    }
}

struct RefusedCase {
    const char* name;
    AgentMessage message;
};
class RefusedTest : public testing::TestWithParam<RefusedCase> {};
TEST_P(RefusedTest, NamesTheField) {
    const auto bytes = encode(GetParam().message);
    ASSERT_TRUE(bytes);
    const auto decoded = decode_agent(*bytes);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::invalid);
    EXPECT_NE(decoded.error().message.find(GetParam().name), std::string::npos)
        << decoded.error().text();
}

template <class Value, class Change>
Value changed(Value value, Change change) {
    change(value);
    return value;
}

INSTANTIATE_TEST_SUITE_P(
    Values, RefusedTest,
    testing::Values(
        RefusedCase{"agent", changed(full_hello(), [](auto& h) { h.agent = "../etc"; })},
        RefusedCase{"agent", changed(full_hello(), [](auto& h) { h.agent = ""; })},
        RefusedCase{"boot_id", changed(full_hello(), [](auto& h) { h.boot_id = "a b"; })},
        RefusedCase{"capabilities",
                    changed(full_hello(), [](auto& h) { h.capabilities.resize(65, "x"); })},
        RefusedCase{"installations", Changed{std::vector<Installation>(501, full_installation())}},
        RefusedCase{"target",
                    Changed{{changed(full_installation(), [](auto& i) { i.key.target = "a/b"; })}}},
        RefusedCase{
            "installed_at",
            Changed{{changed(full_installation(),
                             [](auto& i) { i.installed_at = Timestamp{Milliseconds{-1}}; })}}},
        RefusedCase{"backup", Changed{{changed(full_installation(),
                                               [](auto& i) {
                                                   i.backups[0].at = Timestamp{Milliseconds{-1}};
                                               })}}},
        RefusedCase{"result id", changed(full_result(), [](auto& r) { r.id = "a/../b"; })},
        RefusedCase{"progress", ActionUpdate{"a1", "", "", TaskStatus::running, 101}},
        RefusedCase{"step", changed(full_result(), [](auto& r) { r.step = -1; })}));

/// Replaces a text inside encoded bytes by another one of the same length.
std::string patched(std::string bytes, std::string_view from, std::string_view to) {
    const auto at = bytes.find(from);
    EXPECT_NE(at, std::string::npos);
    return bytes.replace(at, from.size(), to);
}

TEST(WireTest, ANewersStatusReadsAsUnknown) {
    const auto bytes = *encode(AgentMessage{Changed{{full_installation()}}});
    const auto back = decode_agent(patched(bytes, "failed", "frozen"));
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(std::get<Changed>(*back).installations[0].status, InstallStatus::unknown);
}

TEST(WireTest, AnAgentThatKnowsNoBackupsIsUnderstood) {
    auto without = full_installation();
    without.backups.clear();
    const auto bytes = *encode(AgentMessage{Changed{{without}}});
    EXPECT_EQ(bytes.find("/opt/apps"), std::string::npos);
    EXPECT_EQ(std::get<Changed>(*decode_agent(bytes)).installations[0], without);
}

TEST(WireTest, AnInstallationWrittenBeforeThereWereBackupsStillReads) {
    // What the build before them wrote: a Changed with target, project, status, version, report.
    const std::string bytes{
        "\x1a\x26\x0a\x24\x0a\x10\x0a\x05web-1\x12\x07shop-ap\x12\x09installed\x1a\x03"
        "1.4\x58\x07",
        40};
    const auto back = decode_agent(bytes);
    ASSERT_TRUE(back) << back.error().text();
    const auto& read = std::get<Changed>(*back).installations.at(0);
    EXPECT_EQ(read.key.project, "shop-ap");
    EXPECT_EQ(read.status, InstallStatus::installed);
    EXPECT_EQ(read.report, 7U);
    EXPECT_TRUE(read.backups.empty());
}

TEST(WireTest, BackupsAreBounded) {
    auto many = full_installation();
    many.backups.assign(limits::kBackupsMax + 5, {"/b/1", kNoon});
    many.backups[1].path = "/b/" + std::string(limits::kBackupPathBytesMax, 'x');
    const auto back = decode_agent(*encode(AgentMessage{Changed{{many}}}));
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(std::get<Changed>(*back).installations[0].backups,
              std::vector<Backup>(limits::kBackupsMax - 1, {"/b/1", kNoon}));
}

TEST(WireTest, BackupsOfVeryManyInstallationsStayAtHome) {
    const std::string path(limits::kBackupPathBytesMax, 'b');
    Inventory inventory;
    inventory.installations.assign(2'000, full_installation());
    for (auto& item : inventory.installations) item.backups.assign(limits::kBackupsMax, {path, {}});
    EXPECT_FALSE(split(inventory).front().items.installations.front().backups.empty());
    inventory.installations.resize(limits::kInstallationsPerAgentMax,
                                   inventory.installations.front());
    std::size_t bytes = 0;
    for (const auto& piece : split(inventory)) bytes += encode(AgentMessage{piece})->size();
    EXPECT_LT(bytes, limits::kInventoryBytesMax);
}

TEST(WireTest, AnActionThatIsNotUnderstoodIsStillNamed) {
    const auto bytes = *encode(DaemonMessage{wire::Run{7, full_action(), {}}});
    const auto back = decode_daemon(patched(bytes, "gitpull", "gitpush"));
    ASSERT_TRUE(back) << back.error().text();
    const auto& run = std::get<wire::Run>(*back);
    EXPECT_EQ(run.unreadable, "deploy type is 'gitpush', which this build does not know");
    EXPECT_EQ(run.action.id, full_action().id);
    EXPECT_EQ(run.action.key, full_action().key);
    EXPECT_TRUE(run.action.environment.empty());
}

TEST(WireTest, UnknownFieldsAreIgnored) {
    const std::string unknown{
        "\xfa\x07\x03"
        "abc",
        6};  // field 127, three bytes
    for (const auto& message : agent_messages()) {
        const auto back = decode_agent(*encode(message) + unknown);
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_EQ(*back, message);
    }
}

TEST(WireTest, AnotherProtocolIsRefused) {
    auto bytes = *encode(DaemonMessage{Welcome{7}});
    const auto back = decode_daemon(patched(bytes, "\x08\x01", "\x08\x02"));
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().message, "the peer speaks protocol 2, this build 1");
}

TEST(WireTest, MessagesAboveAFrameAreNotEncoded) {
    auto action = full_action();
    action.deploy.script.install_script.assign(limits::kFrameBytesMax, 'x');
    const auto bytes = encode(DaemonMessage{wire::Run{7, action, {}}});
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().code, ErrorCode::exhausted);
}

TEST(WireTest, InventoryIsCutIntoPiecesThatFit) {
    Inventory inventory;
    for (int i = 0; i < 1201; ++i) {
        inventory.installations.push_back(full_installation());
        inventory.installations.back().report = static_cast<std::uint64_t>(i);
    }
    inventory.running.assign(501, "a1");
    inventory.results.assign(5, full_result());
    for (auto& result : inventory.results) result.stages[0].tasks[0].output.assign(1 << 20, 'x');

    Inventory joined;
    const auto pieces = split(inventory);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        EXPECT_EQ(pieces[i].last, i + 1 == pieces.size());
        const auto bytes = encode(AgentMessage{pieces[i]});
        ASSERT_TRUE(bytes) << bytes.error().text();
        const auto back = decode_agent(*bytes);
        ASSERT_TRUE(back) << back.error().text();
        const auto& items = std::get<InventoryPiece>(*back).items;
        for (const auto& item : items.installations) joined.installations.push_back(item);
        for (const auto& item : items.running) joined.running.push_back(item);
        for (const auto& item : items.results) joined.results.push_back(item);
    }
    EXPECT_EQ(joined.installations, inventory.installations);
    EXPECT_EQ(joined.running, inventory.running);
    ASSERT_EQ(joined.results.size(), 5U);
    EXPECT_EQ(joined.results[0], shortened(inventory.results[0]));
    EXPECT_EQ(split({}).size(), 1U);
}

TEST(WireTest, LongResultsKeepTheTailOfTheirOutput) {
    auto result = full_result();
    result.stages[0].tasks[0].output = std::string(1 << 20, '\xff') + "the end";
    const auto bytes = encode(AgentMessage{shortened(result)});
    ASSERT_TRUE(bytes) << bytes.error().text();
    EXPECT_LE(bytes->size(), limits::kResultBytesMax + 16);
    const auto back = std::get<ActionResult>(*decode_agent(*bytes));
    EXPECT_TRUE(back.stages[0].tasks[0].output.ends_with("the end"));
    EXPECT_GT(back.stages[0].tasks[0].output.size(), 30'000U);
    EXPECT_EQ(shortened(full_result()), full_result());
}

TEST(WireTest, BadUtf8FromAgentsIsReplaced) {
    struct Case {
        const char* text;
        const char* expected;
    };
    for (const auto& [text, expected] :
         {Case{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"}, Case{"a\xff", "a\xef\xbf\xbd"},
          Case{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
          Case{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
          Case{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
          Case{"\xf0\x9f\x9a\x80", "\xf0\x9f\x9a\x80"}}) {
        EXPECT_EQ(to_utf8(text), expected);
        auto result = full_result();
        result.error = text;
        const auto back = decode_agent(*encode(AgentMessage{result}));
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_EQ(std::get<ActionResult>(*back).error, expected);
    }
}

TEST(WireTest, TruncatedAndChangedBytesNeverCrash) {
    std::mt19937 random{20261122};
    for (const auto& message : agent_messages()) {
        const auto bytes = *encode(message);
        for (std::size_t size = 0; size < bytes.size(); ++size)
            (void)decode_agent(bytes.substr(0, size));
    }
    const auto run = *encode(daemon_messages()[1]);
    for (int round = 0; round < 20'000; ++round) {
        auto bytes = run;
        for (int change = 0; change < 3; ++change)
            bytes[random() % bytes.size()] = static_cast<char>(random());
        (void)decode_daemon(bytes);
        (void)decode_agent(bytes);
    }
}

TEST(DecodeTest, WhatAnAgentSaysInWordsIsCut) {
    const auto cut = [](AgentMessage message) {
        return decode_agent(encode(message).value()).value();
    };
    const std::string error(limits::kAgentErrorBytesMax - 1, 'e');
    const std::string word(limits::kAgentWordBytesMax - 1, 'w');
    const std::string more = "\u00e9\u00e9";  // is not cut in the middle
    auto result = full_result();
    result.error = error + more;
    result.installation.drift_reason = error + more;
    result.installation.version = word + more;
    result.installation.last_good->version = word + more;
    auto& task = result.stages[0].tasks[0];
    task.name = task.type = word + more;
    task.error = error + more;
    result.stages[0].name = word + more;
    result.stages[1].tasks.resize(limits::kTasksPerStageMax + 1);
    result.stages.resize(limits::kStagesPerActionMax + 1);

    const auto seen = std::get<ActionResult>(cut(result));
    EXPECT_EQ(seen.error, error);
    EXPECT_EQ(seen.installation.drift_reason, error);
    EXPECT_EQ(seen.installation.version, word);
    EXPECT_EQ(seen.installation.last_good->version, word);
    ASSERT_EQ(seen.stages.size(), limits::kStagesPerActionMax);
    EXPECT_EQ(seen.stages[0].name, word);
    EXPECT_EQ(seen.stages[0].tasks[0].name, word);
    EXPECT_EQ(seen.stages[0].tasks[0].type, word);
    EXPECT_EQ(seen.stages[0].tasks[0].error, error);
    EXPECT_EQ(seen.stages[1].tasks.size(), limits::kTasksPerStageMax);

    const auto update = std::get<ActionUpdate>(cut(ActionUpdate{"a1", word + more, word + more}));
    EXPECT_EQ(update.stage, word);
    EXPECT_EQ(update.task, word);
    auto hello = full_hello();
    hello.version = word + more;
    EXPECT_EQ(std::get<Hello>(cut(hello)).version, word);
}

}  // namespace
}  // namespace tidegate::wire
