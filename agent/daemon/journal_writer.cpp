#include "agent/daemon/journal_writer.h"

#include <utility>

namespace tidegate::agent {

JournalWriter::JournalWriter(std::unique_ptr<Journal> journal,
                             std::function<void(const Error&)> on_failure)
    : journal_{std::move(journal)},
      on_failure_{std::move(on_failure)},
      thread_{[this](const std::stop_token& stop) { run(stop); }} {}

JournalWriter::~JournalWriter() = default;

void JournalWriter::write(JournalRecord record, std::function<void()> done) {
    {
        const std::scoped_lock lock{mutex_};
        queue_.push_back({std::move(record), std::move(done)});
    }
    wake_.notify_one();
}

void JournalWriter::run(const std::stop_token& stop) {
    for (;;) {
        std::vector<Item> batch;
        {
            std::unique_lock lock{mutex_};
            wake_.wait(lock, stop, [this] { return !queue_.empty(); });
            if (queue_.empty()) return;
            batch.swap(queue_);
        }
        std::vector<JournalRecord> records;
        for (auto& item : batch) records.push_back(std::move(item.record));
        if (const auto written = journal_->write(records); !written) {
            on_failure_(written.error());
            return;
        }
        for (const auto& item : batch)
            if (item.done) item.done();
    }
}

}  // namespace tidegate::agent
