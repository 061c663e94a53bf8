#pragma once
/// A fleet in the middle of its work, for the store: 1.0.0 is last good on three hosts, 2.0.0
/// failed on the second, is quarantined and being taken back in Git; the restores are on their way.
/// Also an orphan of an environment that left.

#include <deque>

#include "reconciler/engine/engine.h"
#include "schema/resolve/digest.h"

namespace tidegate::before {

inline const AssignmentKey kShop{"prod", "shop"};
inline const AssignmentKey kPreview{"preview", "shop"};
inline const Timestamp kBegin{Milliseconds{1'795'348'800'000}};
inline constexpr std::uint64_t kEpoch = 7;

inline AssignmentPtr wish(const AssignmentKey& key, const std::vector<std::string>& targets,
                          const std::string& version, const std::string& commit) {
    auto definition = std::make_shared<Definition>();
    definition->key = key;
    definition->commit = commit;
    definition->version = version;
    definition->digest = Digest::of(key.text() + version);
    definition->deploy.script.install_script = "install";
    auto made = std::make_shared<Assignment>();
    made->key = key;
    made->commit = commit;
    made->definition = definition;
    made->intent.commit = made->intent.digest_commit = commit;
    made->intent.author_email = "ann@example.com";
    made->intent.message = "Ship " + version;
    made->strategy.batch_size = {1, false};
    for (const auto& name : targets) {
        DesiredTarget target;
        target.name = target.agent = name;
        target.definition = definition;
        target.config_digest = Digest::of(name);
        target.digest = target_digest(definition->digest, target.config_digest);
        made->targets.push_back(std::move(target));
    }
    return made;
}

inline std::shared_ptr<const Desired> desired(const std::vector<AssignmentPtr>& wishes) {
    auto made = std::make_shared<Desired>();
    made->root_commit = std::string(40, '0');
    made->commit = wishes.back()->commit;
    for (const auto& each : wishes) made->assignments[each->key] = each;
    return made;
}
inline const std::string kFirst(40, '1');
inline const std::string kSecond(40, '2');
inline AssignmentPtr good_wish() {
    return wish(kShop, {"web-1", "web-2", "web-3"}, "1.0.0", kFirst);
}
inline AssignmentPtr bad_wish() {
    return wish(kShop, {"web-1", "web-2", "web-3"}, "2.0.0", kSecond);
}

/// The engine with agents that do what they are sent; keeps what it persists.
class Story {
public:
    Story(engine::State from, Clocks at) : state{std::move(from)}, clocks{at} {}

    void feed(const engine::Event& event) {
        pass(Milliseconds{10});
        for (auto& effect : engine::step(state, event, clocks)) {
            if (auto* persist = std::get_if<engine::Persist>(&effect))
                batches.push_back(std::move(persist->batch));
            if (auto* send = std::get_if<engine::Send>(&effect))
                if (auto* run = std::get_if<engine::Run>(&send->message))
                    sent.push_back({send->agent, run->action});
        }
    }
    void pass(Milliseconds time) {
        clocks.now += time;
        clocks.lived += time;
    }
    void connect(const std::string& agent, Inventory inventory = {}) {
        engine::AgentConnected event;
        event.hello.agent = agent;
        event.inventory = std::move(inventory);
        feed(event);
    }
    void finish(ActionOutcome outcome) {
        const auto [agent, action] = sent.front();
        sent.pop_front();
        engine::ActionFinished event;
        event.agent = agent;
        event.result.id = action.id;
        event.result.release = action.release;
        event.result.kind = action.kind;
        event.result.outcome = outcome;
        auto& there = event.result.installation;
        there.key = action.key;
        const bool done = outcome == ActionOutcome::done;
        there.status = done ? InstallStatus::installed : InstallStatus::failed;
        there.version = action.version;
        there.digest = action.digest;
        there.assignment_digest = action.assignment_digest;
        there.commit = action.commit;
        there.report = ++report;
        if (!done) event.result.error = "exit code 1";
        feed(event);
    }

    engine::State state;
    Clocks clocks;
    std::vector<Batch> batches;
    std::deque<std::pair<std::string, Action>> sent;
    std::uint64_t report = 0;
};

/// Told up to the moment that is recorded.
inline Story told() {
    const Clocks begin{kBegin, Lived{}};
    Story story{*engine::restore({}, kEpoch, begin), begin};
    for (const auto* agent : {"web-1", "web-2", "web-3", "pre-1"}) story.connect(agent);
    story.feed(
        engine::ConfigChanged{desired({wish(kPreview, {"pre-1"}, "0.9.0", kFirst), good_wish()})});
    while (!story.sent.empty()) story.finish(ActionOutcome::done);
    story.feed(engine::ConfigChanged{desired({bad_wish()})});
    story.finish(ActionOutcome::done);
    story.pass(std::chrono::minutes{1});
    story.feed(engine::Woke{});
    story.finish(ActionOutcome::failed);
    return story;
}

}  // namespace tidegate::before
