#pragma once
/// Runs scripts under a supervisor, in a folder of its own, and waits for what they did.

#include "agent/drivers/process.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "agent/drivers/cgroup.h"
#include "tests/integration/temp_dir.h"

namespace tidegate::agent::test {

using tidegate::test::read_text;
using tidegate::test::TempDir;
using tidegate::test::write_text;

using Clock = std::chrono::steady_clock;

class ProcessTest : public testing::Test {
protected:
    ProcessTest() {
        std::filesystem::create_directory(dir_ / "run");
        std::filesystem::create_directory(dir_ / "tmp");
    }
    ProcessSpec spec(std::string body) const {
        ProcessSpec out;
        out.body = std::move(body);
        out.tmp_dir = dir_ / "tmp";
        out.timeout = Milliseconds{20'000};
        out.grace = Milliseconds{200};
        out.supervision = {TIDEGATE_BINARY_DIR "/tidegate-agent", dir_ / "run", own_cgroup()};
        return out;
    }
    static ProcessResult run(const ProcessSpec& spec, std::stop_token stop = {}) {
        auto result = run_process(spec, std::move(stop));
        EXPECT_TRUE(result) << result.error().text();
        return *std::move(result);
    }
    /// Waits until nothing with that pid lives (a zombie of init's is dead).
    static bool dies(pid_t pid, Clock::duration patience = std::chrono::seconds{10}) {
        for (const auto end = Clock::now() + patience;;) {
            const auto stat = read_text(fmt::format("/proc/{}/stat", pid));
            if (stat.empty() || stat.find(") Z") != std::string::npos) return true;
            if (Clock::now() >= end) return false;
            ::poll(nullptr, 0, 5);
        }
    }

    /// What a script wrote there; waits for it.
    std::string await_text(const std::string& name) const {
        const auto path = dir_ / name;
        for (const auto end = Clock::now() + std::chrono::seconds{10}; Clock::now() < end;) {
            auto text = read_text(path);
            if (text.ends_with('\n')) return text;
            ::poll(nullptr, 0, 5);
        }
        ADD_FAILURE() << path << " is not there";
        return "0";
    }
    /// Runs it with more and more time until it got so far before it was timed out: a busy machine
    /// starts a script late.
    template <typename Run, typename Far>
    static auto time_out(ProcessSpec wanted, Run run, Far so_far) {
        for (wanted.timeout = Milliseconds{500};; wanted.timeout *= 4)
            if (auto result = run(wanted); so_far(result) || wanted.timeout > Seconds{60})
                return result;
    }
    static ProcessResult time_out_after(const ProcessSpec& wanted, const std::string& output) {
        return time_out(
            wanted, [](const auto& spec) { return run(spec); },
            [&](const ProcessResult& result) {
                return result.output.find(output) != std::string::npos;
            });
    }
    bool wrote(std::initializer_list<const char*> names) const {
        return std::ranges::none_of(
            names, [&](const auto* name) { return read_text(dir_ / name).empty(); });
    }
    bool nothing_runs() const { return std::filesystem::is_empty(dir_ / "run"); }

    TempDir dir_;
};

}  // namespace tidegate::agent::test
