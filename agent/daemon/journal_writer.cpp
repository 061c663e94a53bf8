#include "agent/daemon/journal_writer.h"

#include <algorithm>
#include <future>
#include <utility>

#include "schema/base/limits.h"

namespace tidegate::agent {
namespace {

/// Nothing has happened yet: it may be refused.
bool asks(const JournalRecord& record) {
    if (const auto* note = std::get_if<machine::TaskNote>(&record))
        return note->result.status == TaskStatus::running;
    return std::holds_alternative<machine::JournalIntent>(record) ||
           std::holds_alternative<ProcessStarted>(record);
}

}  // namespace

JournalWriter::JournalWriter(std::unique_ptr<Journal> journal,
                             std::function<void(const Error&)> on_failure,
                             std::function<void(const Error&)> on_full)
    : journal_{std::move(journal)},
      on_failure_{std::move(on_failure)},
      on_full_{std::move(on_full)},
      thread_{[this](const std::stop_token& stop) { run(stop); }} {}

JournalWriter::~JournalWriter() = default;

void JournalWriter::write(std::vector<JournalRecord> records, Done done) {
    {
        const std::scoped_lock lock{mutex_};
        queue_.push_back({std::move(records), std::move(done)});
    }
    wake_.notify_one();
}

void JournalWriter::write(JournalRecord record, Done done) {
    std::vector<JournalRecord> one;
    one.push_back(std::move(record));
    write(std::move(one), std::move(done));
}

void JournalWriter::write(JournalRecord record, Done done, Waits waits) {
    {
        const std::scoped_lock lock{mutex_};
        queue_.push_back({{std::move(record)}, std::move(done), std::move(waits)});
    }
    wake_.notify_one();
}

Result<void> JournalWriter::write_and_wait(JournalRecord record) {
    std::promise<Result<void>> written;
    write(std::move(record), [&](Result<void> result) { written.set_value(std::move(result)); });
    return written.get_future().get();
}

bool JournalWriter::stuck() const {
    const std::scoped_lock lock{mutex_};
    return !waiting_.empty();
}

void JournalWriter::run(const std::stop_token& stop) {
    for (bool going = true; going;) {
        std::vector<Item> batch;
        {
            std::unique_lock lock{mutex_};
            const auto ready = [this] { return !queue_.empty(); };
            if (waiting_.empty())
                wake_.wait(lock, stop, ready);
            else
                wake_.wait_for(lock, stop, limits::kJournalTryAgain, ready);
            if (queue_.empty() && stop.stop_requested()) return;
            batch.swap(queue_);
        }
        going = try_again() && write_all(std::move(batch));
    }
}

/// Together; where that finds no room, one by one.
bool JournalWriter::write_all(std::vector<Item> batch) {
    if (batch.empty()) return true;
    if (waiting_.empty() && batch.size() > 1) {
        std::vector<JournalRecord> records;
        for (const auto& item : batch)
            records.insert(records.end(), item.records.begin(), item.records.end());
        const auto written = journal_->write(records);
        if (written) {
            for (const auto& item : batch)
                if (item.done) item.done({});
            return true;
        }
        if (written.error().code != ErrorCode::exhausted) {
            on_failure_(written.error());
            return false;
        }
    }
    for (auto& item : batch)
        if (!write_one(std::move(item))) return false;
    return true;
}

bool JournalWriter::write_one(Item item) {
    const bool may_be_refused = std::ranges::any_of(item.records, asks);
    auto written = waiting_.empty() || may_be_refused
                       ? journal_->write(item.records)
                       : Result<void>{fail(ErrorCode::exhausted, "it waits for others")};
    if (!written && written.error().code != ErrorCode::exhausted) {
        on_failure_(written.error());
        return false;
    }
    if (written || may_be_refused) {
        if (item.done) item.done(std::move(written));
        return true;
    }
    if (waiting_.empty() && on_full_) on_full_(written.error());
    if (item.waits) item.waits(written.error());
    const std::scoped_lock lock{mutex_};
    waiting_.push_back(std::move(item));
    return true;
}

bool JournalWriter::try_again() {
    while (!waiting_.empty()) {
        const auto written = journal_->write(waiting_.front().records);
        if (!written && written.error().code == ErrorCode::exhausted) return true;
        if (!written) {
            on_failure_(written.error());
            return false;
        }
        auto done = std::move(waiting_.front().done);
        {
            const std::scoped_lock lock{mutex_};
            waiting_.pop_front();
        }
        if (done) done({});
    }
    return true;
}

}  // namespace tidegate::agent
