/// Daemon and agent of before and after on one stream: what the version before said is understood,
/// and what is said now is what it understands.

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "schema/wire/frame.h"
#include "tests/golden/before/before.pb.h"
#include "tests/golden/before/recorded.h"
#include "tests/golden/before/sample.h"

namespace tidegate::before {
namespace {

namespace proto = tidegate::wire::before;

std::vector<std::string> frames(const std::string& name) {
    wire::FrameReader reader;
    reader.push(recorded(name));
    std::vector<std::string> messages;
    for (auto next = reader.next(); next && *next; next = reader.next()) messages.push_back(**next);
    EXPECT_TRUE(reader.empty()) << name;
    return messages;
}

/// As a newer version would add it: a field that nobody knows here.
std::string with_unknown_field(std::string message) {
    return std::move(message) + "\xba\xbf\x1d\x03new";  // number 60,407, three bytes
}
/// The same inside of a message.
void add_unknown_field(auto& part) {
    ASSERT_TRUE(part.ParseFromString(with_unknown_field(part.SerializeAsString())));
}

TEST(WireBeforeTest, WhatAnAgentSaidIsUnderstood) {
    const auto messages = frames("agent.frames");
    const auto expected = from_agent();
    ASSERT_EQ(messages.size(), expected.size());
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const auto decoded = wire::decode_agent(messages[i]);
        ASSERT_TRUE(decoded) << decoded.error().text();
        EXPECT_EQ(*decoded, expected[i]) << "message " << i;
    }
}

TEST(WireBeforeTest, WhatADaemonSaidIsUnderstood) {
    const auto messages = frames("daemon.frames");
    const auto expected = from_daemon();
    ASSERT_EQ(messages.size(), expected.size());
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const auto decoded = wire::decode_daemon(messages[i]);
        ASSERT_TRUE(decoded) << decoded.error().text();
        EXPECT_EQ(*decoded, expected[i]) << "message " << i;
    }
}

TEST(WireBeforeTest, WhatIsSaidNowIsUnderstoodAsItWasMeant) {
    const auto same = [](const auto& now, const std::vector<std::string>& then) {
        ASSERT_EQ(now.size(), then.size());
        for (std::size_t i = 0; i < now.size(); ++i)
            EXPECT_EQ(*wire::encode(now[i]), then[i]) << "message " << i;
    };
    same(from_agent(), frames("agent.frames"));
    same(from_daemon(), frames("daemon.frames"));
}

TEST(WireBeforeTest, FieldsThatItDoesNotKnowAreIgnoredByTheVersionBefore) {
    for (const auto& message : frames("agent.frames")) {
        proto::AgentMessage then;
        EXPECT_TRUE(then.ParseFromString(with_unknown_field(message)));
        EXPECT_THAT(then.SerializeAsString(), testing::StartsWith(message));
    }
    for (const auto& message : frames("daemon.frames")) {
        proto::DaemonMessage then;
        EXPECT_TRUE(then.ParseFromString(with_unknown_field(message)));
        EXPECT_THAT(then.SerializeAsString(), testing::StartsWith(message));
    }
}

TEST(WireBeforeTest, FieldsThatItDoesNotKnowAreIgnoredByThisVersion) {
    for (const auto& message : frames("agent.frames")) {
        proto::AgentMessage changed;
        ASSERT_TRUE(changed.ParseFromString(with_unknown_field(message)));
        if (changed.has_hello()) add_unknown_field(*changed.mutable_hello());
        if (changed.has_result()) {
            add_unknown_field(*changed.mutable_result()->mutable_installation());
            add_unknown_field(*changed.mutable_result()->mutable_stages(0)->mutable_tasks(0));
        }
        const auto decoded = wire::decode_agent(changed.SerializeAsString());
        ASSERT_TRUE(decoded) << decoded.error().text();
        EXPECT_EQ(*decoded, *wire::decode_agent(message));
    }
    for (const auto& message : frames("daemon.frames")) {
        proto::DaemonMessage changed;
        ASSERT_TRUE(changed.ParseFromString(with_unknown_field(message)));
        if (changed.has_welcome()) add_unknown_field(*changed.mutable_welcome());
        if (changed.has_run()) {
            auto& action = *changed.mutable_run()->mutable_action();
            add_unknown_field(*action.mutable_deploy()->mutable_script());
            add_unknown_field(*action.mutable_pipeline()->mutable_release(0));
            add_unknown_field(action);
        }
        const auto decoded = wire::decode_daemon(changed.SerializeAsString());
        ASSERT_TRUE(decoded) << decoded.error().text();
        EXPECT_EQ(*decoded, *wire::decode_daemon(message));
    }
}

template <class Then, class Message>
Then understood(const Message& message) {
    Then then;
    const auto bytes = wire::encode(message);
    EXPECT_TRUE(bytes && then.ParseFromString(*bytes));
    return then;
}

TEST(WireBeforeTest, WhatIsNewChangesNothingOfWhatItUnderstands) {
    using wire::AgentMessage, wire::DaemonMessage;
    const EpochProof proof{9, "signed"};
    auto hello = std::get<Hello>(from_agent()[0]);
    hello.epoch_proof = proof;
    EXPECT_EQ(understood<proto::AgentMessage>(AgentMessage{hello}).hello().highest_epoch(), 7U);
    auto piece = std::get<wire::InventoryPiece>(from_agent()[1]);
    piece.items.suspended = piece.items.running;
    const auto then = understood<proto::AgentMessage>(AgentMessage{piece}).inventory();
    EXPECT_EQ(then.running_size(), 1) << "what is suspended counts as running there";
    EXPECT_EQ(then.installations_size(), 1);
    auto failed = std::get<ActionResult>(from_agent()[6]);
    failed.host_trouble = "the disk is full";
    failed.installation.tried_version = "2.0.0";
    const auto result = understood<proto::AgentMessage>(AgentMessage{failed}).result();
    EXPECT_EQ(result.outcome(), "failed");
    EXPECT_EQ(result.installation().version(), failed.installation.version);
    const DaemonMessage welcome = wire::Welcome{7, proof, true};
    EXPECT_EQ(understood<proto::DaemonMessage>(welcome).welcome().epoch(), 7U);
    auto watch = std::get<wire::Run>(from_daemon()[1]);
    watch.action.kind = ActionKind::verify;
    watch.action.watch_for = Seconds{600};
    const auto action = understood<proto::DaemonMessage>(DaemonMessage{watch}).run().action();
    EXPECT_EQ(action.kind(), "verify");
    EXPECT_EQ(action.deadline_s(), 601U) << "it checks once, and its word is worth that much";
    const AgentMessage stopping = wire::Heartbeat{true};
    EXPECT_TRUE(understood<proto::AgentMessage>(stopping).has_heartbeat());
}

// ---- the schema itself

struct Field {
    std::string type;  ///< with `optional`, `repeated` or `oneof` before it
    std::string name;

    friend bool operator==(const Field&, const Field&) = default;
};
using Schema = std::map<std::string, std::map<int, Field>>;  ///< message → number → field

Schema schema_of(const std::string& file) {
    const std::regex message{R"(^message (\w+) \{)"}, oneof{R"(^\s+oneof \w+ \{)"},
        field{R"(^\s+((?:optional |repeated )?(?:map<[^>]+>|\w+)) (\w+) = (\d+);)"};
    std::ifstream in{std::string{TIDEGATE_SOURCE_DIR "/"} + file};
    Schema schema;
    std::string name, prefix;
    std::smatch match;
    for (std::string line; std::getline(in, line);) {
        if (std::regex_search(line, match, message)) name = match[1];
        if (std::regex_search(line, oneof)) prefix = "oneof ";
        if (std::regex_search(line, match, field))
            schema[name][std::stoi(match[3])] = {prefix + match[1].str(), match[2]};
        if (line.ends_with("}")) prefix.clear();
        if (line.starts_with("}")) name.clear();
        if (!name.empty()) schema.try_emplace(name);
    }
    return schema;
}

TEST(WireBeforeTest, NoFieldIsRenumberedRetypedRemovedOrReused) {
    const auto before = schema_of("tests/golden/before/before.proto");
    const auto now = schema_of("schema/wire/tidegate.proto");
    EXPECT_GT(before.size(), 25U);
    for (const auto& [message, fields] : before) {
        ASSERT_TRUE(now.contains(message)) << message;
        for (const auto& [number, field] : fields) {
            const auto found = now.at(message).find(number);
            ASSERT_NE(found, now.at(message).end()) << message << '.' << field.name;
            EXPECT_EQ(found->second.name, field.name) << message << ' ' << number;
            EXPECT_EQ(found->second.type, field.type) << message << '.' << field.name;
        }
    }
}

TEST(WireBeforeTest, NamesThatTheVersionBeforeReadsStayAndNewOnesAreReadAsUnknown) {
    std::map<std::string, std::set<std::string>> then, now;
    std::stringstream lines{recorded("names.txt")};
    for (std::string line; std::getline(lines, line);) {
        std::stringstream words{line};
        std::string name;
        words >> name;
        for (std::string word; words >> word;) then[name].insert(word);
    }
    const auto note = [&](const char* name, const auto& words) {
        for (const auto word : words) now[name].insert(std::string{word});
    };
    note("ActionKind", enum_names(ActionKind{}));
    note("ActionOutcome", enum_names(ActionOutcome{}));
    note("CheckType", enum_names(CheckType{}));
    note("DeployType", enum_names(DeployType{}));
    note("InstallStatus", enum_names(InstallStatus{}));
    note("OnError", enum_names(OnError{}));
    note("TaskStatus", enum_names(TaskStatus{}));
    note("TaskType", enum_names(TaskType{}));
    note("VariableType", enum_names(VariableType{}));
    ASSERT_EQ(then.size(), now.size());
    const std::set<std::string> read_as_unknown{"ActionOutcome", "InstallStatus", "TaskStatus"};
    // Stand in Run alone: that one the version before refuses, as too old for it.
    const std::set<std::string> refused{"VariableType"};
    for (const auto& [name, words] : now) {
        for (const auto& word : then.at(name)) EXPECT_TRUE(words.contains(word)) << name << word;
        if (read_as_unknown.contains(name) || refused.contains(name)) continue;
        EXPECT_EQ(words, then.at(name)) << name << ": the version before ends the session over it";
    }
}

}  // namespace
}  // namespace tidegate::before
