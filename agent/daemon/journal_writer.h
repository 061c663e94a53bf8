#pragma once
/// The one thread that writes the journal. What comes while it waits for the disk is written
/// together by the next fsync.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "agent/journal/journal.h"

namespace tidegate::agent {

class JournalWriter {
public:
    /// `on_failure` is called on the writer's thread when the disk refused; it must end the
    /// process, for nothing is known about the journal any more.
    JournalWriter(std::unique_ptr<Journal> journal, std::function<void(const Error&)> on_failure);
    /// Writes what was asked for, then ends.
    ~JournalWriter();

    /// Any thread. `done` comes on the writer's thread once the record is durable; may be empty.
    /// Bounded by the actions in progress, of which the machine decides.
    void write(JournalRecord record, std::function<void()> done);

private:
    struct Item {
        JournalRecord record;
        std::function<void()> done;
    };
    void run(const std::stop_token& stop);

    std::unique_ptr<Journal> journal_;
    std::function<void(const Error&)> on_failure_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::vector<Item> queue_;
    std::jthread thread_;
};

}  // namespace tidegate::agent
