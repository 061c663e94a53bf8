#pragma once
/// The agent's machine as text: an input goes in, its effects come out as one line.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "agent/machine/machine.h"

namespace tidegate::machine::test {

inline const Timestamp kNow{Milliseconds{1'000'000}};

inline Action action(const std::string& id, const std::string& project = "shop") {
    Action made;
    made.id = id;
    made.key = {"web-1", project, ""};
    made.version = "2.0";
    made.digest = Digest::of("two");
    return made;
}

/// Feeds an input and writes the effects as one line of text.
class Host {
public:
    explicit Host(Records records = {}) : machine(std::move(records)) {}

    std::string in(const Input& input, Timestamp now = kNow) {
        return text(machine.step(input, now));
    }
    std::string run(const std::string& id, std::uint64_t epoch = 1, Timestamp now = kNow) {
        return in(RunCommand{epoch, action(id)}, now);
    }
    /// A run up to its start.
    void start(const std::string& id) {
        run(id);
        in(IntentDurable{id});
    }

    static std::string text(const Effects& effects) {
        std::string out;
        for (const auto& effect : effects) out += (out.empty() ? "" : ", ") + one(effect);
        return out;
    }

    Machine machine;

private:
    static std::string one(const Effect& effect) {
        struct Printer {
            std::string operator()(const JournalIntent& e) { return "intent " + e.action.id; }
            std::string operator()(const JournalOutcome& e) { return "outcome " + of(e.result); }
            std::string operator()(const JournalEpoch& e) {
                return fmt::format("epoch {}", e.epoch);
            }
            std::string operator()(const JournalInstallation&) { return "installation"; }
            std::string operator()(const JournalForget& e) { return "forget " + e.action; }
            std::string operator()(const JournalAcks& e) {
                return fmt::format("acks {}", fmt::join(e.actions, " "));
            }
            std::string operator()(const JournalRoute& e) { return "journal route " + of(e.route); }
            std::string operator()(const JournalForgetRoute& e) {
                return "journal forgets route " + e.id.second;
            }
            std::string operator()(const Start& e) {
                if (!e.resumed) return "start " + e.action.id;
                std::string out = "resume " + e.action.id + " after";
                for (const auto& note : e.resumed->notes)
                    out += fmt::format(" {} {}", note.result.type, to_string(note.result.status));
                return out;
            }
            std::string operator()(const Kill& e) { return "kill " + e.action; }
            std::string operator()(const Probe& e) { return "probe " + e.action.id; }
            std::string operator()(const ReportResult& e) { return "report " + of(e.result); }
            std::string operator()(const ReportChanged&) { return "changed"; }
            std::string operator()(const ReportFenced& e) {
                return fmt::format("fenced {}", e.highest);
            }
            std::string operator()(const ApplyRoute& e) { return "apply " + of(e.route); }
            std::string operator()(const DropRoute& e) { return "drop " + e.id.second; }
            std::string operator()(const ReportRoute& e) {
                return fmt::format("route {} {}: {}{}", e.report.target, e.report.revision,
                                   e.report.in_force ? "in force" : "not in force",
                                   e.report.error.empty() ? "" : ", " + e.report.error);
            }
            static std::string of(const Route& r) {
                return fmt::format("{} {}", r.target, r.revision);
            }
            static std::string of(const ActionResult& r) {
                return fmt::format("{} {}", r.id, to_string(r.outcome));
            }
        };
        return std::visit(Printer{}, effect);
    }
};

}  // namespace tidegate::machine::test
