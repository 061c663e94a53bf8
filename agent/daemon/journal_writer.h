#pragma once
/// The one thread that writes the journal. What comes while it waits for the disk is written
/// together by the next fsync.
///
/// When the disk has no room, what asks whether something may begin is told so at once. All else
/// has happened already: it is kept, in order, and tried again until there is room.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "agent/journal/journal.h"

namespace tidegate::agent {

class JournalWriter {
public:
    /// Both are called on the writer's thread. `on_failure`: the disk refused, and nothing is known
    /// about the journal any more; it must end the process. `on_full`: what was to be kept found no
    /// room; again only after all of it was written.
    JournalWriter(std::unique_ptr<Journal> journal, std::function<void(const Error&)> on_failure,
                  std::function<void(const Error&)> on_full = {});
    /// Writes what was asked for, then ends; what finds no room then is lost.
    ~JournalWriter();

    using Done = std::function<void(Result<void>)>;
    /// Any thread. All of the records or none. `done` comes on the writer's thread once they are
    /// durable, or with `exhausted` where an intent or the begin of a task or a process is among
    /// them; may be empty. While there is no room nothing begins, so that what waits is bounded by
    /// what was in progress and what is seen of installations.
    void write(std::vector<JournalRecord> records, Done done);
    void write(JournalRecord record, Done done);
    /// The same; `waits` comes on the writer's thread, once, where the record finds no room and is
    /// tried again until it does.
    using Waits = std::function<void(const Error&)>;
    void write(JournalRecord record, Done done, Waits waits);
    /// Any thread but the writer's: waits until it is written, or refused as above.
    [[nodiscard]] Result<void> write_and_wait(JournalRecord record);
    /// Something waits for room.
    [[nodiscard]] bool stuck() const;

private:
    struct Item {
        std::vector<JournalRecord> records;
        Done done;
        Waits waits = {};
    };
    void run(const std::stop_token& stop);
    /// False: the process must end.
    [[nodiscard]] bool write_all(std::vector<Item> batch);
    [[nodiscard]] bool write_one(Item item);
    [[nodiscard]] bool try_again();

    std::unique_ptr<Journal> journal_;
    std::function<void(const Error&)> on_failure_;
    std::function<void(const Error&)> on_full_;
    mutable std::mutex mutex_;
    std::condition_variable_any wake_;
    std::vector<Item> queue_;
    std::deque<Item> waiting_;  ///< for room, oldest first; changed by the writer only
    std::jthread thread_;
};

}  // namespace tidegate::agent
