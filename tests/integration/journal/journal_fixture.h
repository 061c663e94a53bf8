#pragma once
/// A journal in a folder of its own, and what is written into it.

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/journal/journal.h"
#include "tests/integration/temp_dir.h"

namespace tidegate::agent {

using machine::JournalEpoch;
using machine::JournalForget;
using machine::JournalInstallation;
using machine::JournalIntent;
using machine::JournalOutcome;

inline Action action(const std::string& id, const std::string& version, ActionKind kind = {}) {
    Action out;
    out.id = Digest::of(id).hex();
    out.release = "00000000-0000-5000-8000-000000000000";
    out.kind = kind;
    out.key = {"web-1", "shop", ""};
    out.environment = "prod";
    out.version = version;
    out.digest = Digest::of(version);
    out.assignment_digest = Digest::of("assignment" + version);
    out.commit = std::string(40, 'a');
    out.deploy.script.install_script = "echo " + version;
    return out;
}

inline ActionResult result(const Action& of, std::uint64_t report, ActionOutcome outcome = {}) {
    ActionResult out;
    out.id = of.id;
    out.release = of.release;
    out.kind = of.kind;
    out.outcome = outcome;
    out.installation.key = of.key;
    out.installation.version = of.version;
    out.installation.digest = of.digest;
    out.installation.status =
        of.kind == ActionKind::uninstall ? InstallStatus::absent : InstallStatus::installed;
    out.installation.backups = {{"/opt/apps/shop/backups/" + of.version, Timestamp{Seconds{7}}}};
    out.installation.report = report;
    return out;
}

class JournalTest : public testing::Test {
protected:
    JournalContent read() const {
        auto journal = Journal::open(directory());
        EXPECT_TRUE(journal) << journal.error().text();
        return (*journal)->take_content();
    }
    void write(const std::vector<JournalRecord>& records) const {
        auto journal = Journal::open(directory());
        ASSERT_TRUE(journal) << journal.error().text();
        const auto written = (*journal)->write(records);
        ASSERT_TRUE(written) << written.error().text();
    }
    static Route route(const std::string& target, std::uint64_t revision) {
        Route made;
        made.key = {"prod", "shop"};
        made.target = target;
        made.revision = revision;
        made.servers = {{"web-1-blue", "web-1", "blue", 95}, {"web-1-green", "web-1", "green", 5}};
        made.slot_new = "green";
        made.slot_old = "blue";
        made.weight_new = 5;
        made.weight_old = 95;
        made.socket = "/run/haproxy.sock";
        made.variables = {{"PORT", "8080"}};
        return made;
    }
    /// Makes the file so long that it is written anew.
    void write_anew() const {
        auto big = action("big", "3.0");
        big.deploy.script.install_script = std::string(150 * 1024, 'x');
        for (int i = 0; i < 100; ++i) write({JournalIntent{big, 1}, JournalForget{big.id}});
    }
    std::string directory() const { return dir_ / "journal"; }
    std::string log() const { return directory() + "/log"; }

    test::TempDir dir_;
    const Action first_ = action("first", "1.0");
    const Action second_ = action("second", "2.0");
};

}  // namespace tidegate::agent
