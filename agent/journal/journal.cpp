#include "agent/journal/journal.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "agent/journal/log_file.h"
#include "agent/journal/record.h"
#include "schema/base/limits.h"

namespace tidegate::agent {
namespace {

/// Below this size it does not pay to write the file anew.
constexpr std::uint64_t kCompactBytesMin = 8 << 20;

/// After a try that found no room.
constexpr std::uint64_t kCompactAgainBytes = 1 << 20;

constexpr int kLockTries = 50;

/// Held as long as the journal is open; the kernel drops it with the process.
class DirectoryLock {
public:
    static Result<DirectoryLock> take(const std::string& directory) {
        DirectoryLock lock;
        lock.fd_ = ::open((directory + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (lock.fd_ < 0)
            return fail(is_full(errno) ? ErrorCode::exhausted : ErrorCode::unavailable,
                        "{}/lock: {}", directory, std::strerror(errno));
        // A killed agent's last child may hold it for the instant until it becomes a script.
        for (int tries = 0; ::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0; ++tries) {
            if (tries == kLockTries)
                return fail(ErrorCode::conflict, "{} is in use by another agent", directory);
            ::poll(nullptr, 0, 20);
        }
        return lock;
    }
    DirectoryLock() = default;
    DirectoryLock(DirectoryLock&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    DirectoryLock& operator=(DirectoryLock&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~DirectoryLock() {
        if (fd_ >= 0) ::close(fd_);
    }

private:
    int fd_ = -1;
};

/// What begins something new must leave room for its end, and for a way back.
std::uint64_t spare_for(const JournalRecord& record) {
    const auto* intent = std::get_if<machine::JournalIntent>(&record);
    const bool begins = intent != nullptr && !machine::is_restore(intent->action);
    return begins ? limits::kJournalReserveBytes : 0;
}

/// A loss of it would lie: something could happen twice, or an older daemon be obeyed.
bool must_last(const JournalRecord& record) {
    if (const auto* note = std::get_if<machine::TaskNote>(&record))
        return note->result.status == TaskStatus::running && !machine::repeats(note->result.type);
    return std::holds_alternative<machine::JournalIntent>(record) ||
           std::holds_alternative<machine::JournalOutcome>(record) ||
           std::holds_alternative<machine::JournalEpoch>(record) ||
           std::holds_alternative<machine::JournalRoute>(record) ||
           std::holds_alternative<machine::JournalForgetRoute>(record);
}

}  // namespace

class Journal::Impl {
public:
    Result<void> open(const std::string& directory) {
        directory_ = directory;
        std::error_code error;
        std::filesystem::create_directories(directory, error);
        if (!error && ::chmod(directory.c_str(), 0700) != 0)
            error = {errno, std::generic_category()};
        if (error)
            return fail(is_full(error.value()) ? ErrorCode::exhausted : ErrorCode::unavailable,
                        "{}: cannot be made private: {}", directory, error.message());
        lock_ = TRY(DirectoryLock::take(directory));
        const auto visit = [this](char type, std::string_view payload, Location location) {
            return replay(type, payload, location);
        };
        file_ = TRY(LogFile::open(path(), visit));
        torn_bytes_ = file_->torn_bytes();
        compacted_bytes_ = kCompactBytesMin / 2;
        CHECK(compact_if_due());
        (void)file_->make_room(0, limits::kJournalReserveBytes);  // what there is has to do
        return {};
    }

    JournalContent take_content() {
        JournalContent content;
        content.torn_bytes = torn_bytes_;
        content.records.epoch = epoch_;
        for (const auto& [key, installation] : installations_)
            content.records.installations.push_back(installation);
        for (auto& [key, action] : loaded_definitions_)
            if (installations_[key].status != InstallStatus::absent)
                content.definitions.emplace(key, std::move(action));
        for (const auto& id : by_age()) {
            const auto& entry = entries_.at(id);
            auto& loaded = loaded_[id];
            loaded.acknowledged = entry.acknowledged;
            if (!entry.outcome) {
                if (entry.process) content.running.push_back(*entry.process);
                if (entry.began) content.began[id] = *entry.began;
                loaded.progress = entry.progress;
                loaded.progress.tracked = entry.began.has_value();
            }
            if (entry.intent && loaded.result)
                note_outcome(content.tried, loaded.action, *loaded.result);
            content.records.actions.push_back(std::move(loaded_[id]));
        }
        for (auto& [id, route] : loaded_routes_) content.records.routes.push_back(std::move(route));
        loaded_.clear();
        loaded_definitions_.clear();
        loaded_routes_.clear();
        return content;
    }

    Result<void> write(const std::vector<JournalRecord>& records) {
        bool durable = false;
        std::uint64_t bytes = 0;
        std::uint64_t spare = 0;
        std::vector<EncodedRecord> all;
        for (const auto& record : records) {
            all.push_back(TRY(encode(record)));
            durable = durable || must_last(record);
            bytes += LogFile::frame_bytes(all.back().payload);
            spare = std::max(spare, spare_for(record));
        }
        CHECK(file_->make_room(bytes, spare));
        std::vector<Location> locations;
        for (const auto& encoded : all)
            locations.push_back(file_->add(encoded.type, encoded.payload));
        CHECK(file_->flush());
        if (durable) CHECK(file_->sync());
        for (std::size_t i = 0; i < records.size(); ++i) note(records[i], locations[i]);
        return compact_if_due();
    }

private:
    struct Entry {
        std::uint64_t age = 0;
        InstallKey key;
        ActionKind kind = ActionKind::deploy;
        std::optional<Location> intent;
        std::optional<Location> outcome;
        bool acknowledged = false;
        std::optional<ProcessStarted> process;
        std::optional<ClockReading> began;
        machine::Progress progress;
    };
    struct Definition {
        std::uint64_t report = 0;
        Location intent;
    };

    std::string path() const { return directory_ + "/log"; }

    Result<void> replay(char type, std::string_view payload, Location location) {
        if (type == kDefinition) return replay_definition(payload, location);
        const auto record = TRY(decode(type, payload));
        if (const auto* intent = std::get_if<machine::JournalIntent>(&record))
            loaded_[intent->action.id].action = intent->action;
        if (const auto* outcome = std::get_if<machine::JournalOutcome>(&record))
            loaded_[outcome->result.id].result = outcome->result;
        if (const auto* forget = std::get_if<machine::JournalForget>(&record))
            loaded_.erase(forget->action);
        if (const auto* set = std::get_if<machine::JournalRoute>(&record))
            loaded_routes_[machine::id_of(set->route)] = set->route;
        if (const auto* forget = std::get_if<machine::JournalForgetRoute>(&record))
            loaded_routes_.erase(forget->id);
        note(record, location);
        return {};
    }

    Result<void> replay_definition(std::string_view payload, Location location) {
        std::uint64_t report = 0;
        const auto end = std::min(payload.find('\n'), payload.size() - 1) + 1;
        std::from_chars(payload.data(), payload.data() + payload.size(), report);
        const auto record = TRY(decode(kIntent, payload.substr(end)));
        const auto& action = std::get<machine::JournalIntent>(record).action;
        location.offset += end;
        location.bytes -= static_cast<std::uint32_t>(end);
        definitions_[action.key] = {report, location};
        loaded_definitions_[action.key] = action;
        return {};
    }

    /// The one place that says what a record means, for those read and those written.
    void note(const JournalRecord& record, Location location) {
        std::visit([&](const auto& known) { note_one(known, location); }, record);
    }
    void note_one(const machine::JournalIntent& record, Location location) {
        auto& entry = entry_of(record.action.id);
        entry.key = record.action.key;
        entry.kind = record.action.kind;
        entry.intent = location;
        epoch_ = std::max(epoch_, record.epoch);
    }
    void note_one(const machine::JournalOutcome& record, Location location) {
        auto& entry = entry_of(record.result.id);
        entry.outcome = location;
        entry.process.reset();
        entry.began.reset();
        entry.progress = {};
        note_installation(record.result.installation);
        if (record.result.outcome == ActionOutcome::done && entry.intent)
            note_definition(entry, record.result);
    }
    void note_one(const machine::JournalEpoch& record, Location) {
        epoch_ = std::max(epoch_, record.epoch);
    }
    void note_one(const machine::JournalInstallation& record, Location) {
        note_installation(record.installation);
    }
    void note_one(const machine::JournalForget& record, Location) { entries_.erase(record.action); }
    void note_one(const machine::JournalAcks& record, Location) {
        for (const auto& id : record.actions)
            if (const auto found = entries_.find(id); found != entries_.end())
                found->second.acknowledged = true;
    }
    void note_one(const machine::JournalRoute& record, Location location) {
        routes_[machine::id_of(record.route)] = location;
    }
    void note_one(const machine::JournalForgetRoute& record, Location) { routes_.erase(record.id); }
    void note_one(const ProcessStarted& record, Location) {
        const auto found = entries_.find(record.action);
        if (found != entries_.end() && !found->second.outcome) found->second.process = record;
    }
    void note_one(const ActionBegan& record, Location) {
        const auto found = entries_.find(record.action);
        if (found != entries_.end() && !found->second.outcome) found->second.began = record.at;
    }
    void note_one(const machine::TaskNote& record, Location) {
        const auto found = entries_.find(record.action);
        if (found != entries_.end() && !found->second.outcome)
            machine::add(found->second.progress, record);
    }

    /// A file written anew has the newest state first, then older outcomes: the report number
    /// decides.
    void note_installation(const Installation& installation) {
        if (installation.report == 0) return;  // nothing ever happened there
        auto& known = installations_[installation.key];
        if (installation.report >= known.report) known = installation;
    }

    void note_definition(const Entry& entry, const ActionResult& result) {
        const auto report = result.installation.report;
        const auto found = definitions_.find(entry.key);
        if (found != definitions_.end() && report < found->second.report) return;
        if (entry.kind == ActionKind::uninstall) {
            definitions_.erase(entry.key);
            loaded_definitions_.erase(entry.key);
        } else if (puts_in_place(entry.kind)) {
            definitions_[entry.key] = {report, *entry.intent};
            if (const auto loaded = loaded_.find(result.id); loaded != loaded_.end())
                loaded_definitions_[entry.key] = loaded->second.action;
        }
    }

    Entry& entry_of(const std::string& id) {
        auto [entry, added] = entries_.try_emplace(id);
        if (added) entry->second.age = ++ages_;
        return entry->second;
    }

    std::vector<std::string> by_age() const {
        std::vector<std::string> ids;
        for (const auto& [id, entry] : entries_) ids.push_back(id);
        std::sort(ids.begin(), ids.end(), [this](const auto& a, const auto& b) {
            return entries_.at(a).age < entries_.at(b).age;
        });
        return ids;
    }

    /// On a full disk the old file goes on growing.
    Result<void> compact_if_due() {
        if (file_->bytes() < 2 * compacted_bytes_) return {};
        auto compacted = compact();
        if (compacted || compacted.error().code != ErrorCode::exhausted) return compacted;
        std::error_code none;
        std::filesystem::remove(path() + ".new", none);
        compacted_bytes_ = file_->bytes() / 2 + kCompactAgainBytes / 2;
        return {};
    }

    Result<void> compact() {
        const auto next_path = path() + ".new";
        std::filesystem::remove(next_path);
        auto next = TRY(LogFile::open(
            next_path, [](char, std::string_view, Location) { return Result<void>{}; }));
        // All of it first: once locations change over there is no way back.
        CHECK(next.make_room(file_->bytes(), limits::kJournalReserveBytes));
        if (auto moved = move_to(next, next_path); !moved)
            return fail(ErrorCode::unavailable, "{}", moved.error().message);
        file_ = std::move(next);
        (void)file_->make_room(0, limits::kJournalReserveBytes);
        compacted_bytes_ = std::max(file_->bytes(), kCompactBytesMin / 2);
        return {};
    }

    Result<void> move_to(LogFile& next, const std::string& next_path) {
        CHECK(copy_live(next));
        CHECK(next.flush());
        CHECK(next.trim());
        CHECK(next.sync());
        if (std::rename(next_path.c_str(), path().c_str()) != 0)
            return fail(ErrorCode::unavailable, "journal: {}", std::strerror(errno));
        return sync_directory(directory_);
    }

    /// Locations change over to the new file one by one; after an error the process stops anyway.
    Result<void> copy_live(LogFile& next) {
        const auto put = [&](const JournalRecord& record) -> Result<void> {
            const auto encoded = TRY(encode(record));
            next.add(encoded.type, encoded.payload);
            return next.flush();
        };
        const auto move = [&](char type, Location& location, std::string prefix) -> Result<void> {
            const auto payload = TRY(file_->read(location));
            location = next.add(type, prefix + payload);
            location.offset += prefix.size();
            location.bytes -= static_cast<std::uint32_t>(prefix.size());
            return next.flush();
        };
        CHECK(put(machine::JournalEpoch{epoch_}));
        for (const auto& [key, installation] : installations_)
            CHECK(put(machine::JournalInstallation{installation}));
        for (auto& [key, definition] : definitions_)
            CHECK(move(kDefinition, definition.intent, fmt::format("{}\n", definition.report)));
        for (auto& [id, location] : routes_) CHECK(move(kRoute, location, ""));
        for (const auto& id : by_age()) {
            auto& entry = entries_.at(id);
            if (entry.intent) CHECK(move(kIntent, *entry.intent, ""));
            if (entry.process) CHECK(put(*entry.process));
            if (entry.began) CHECK(put(ActionBegan{id, *entry.began}));
            for (const auto& note : entry.progress.notes) CHECK(put(note));
            if (entry.outcome) CHECK(move(kOutcome, *entry.outcome, ""));
            if (entry.acknowledged) CHECK(put(machine::JournalAcks{{id}}));
        }
        return {};
    }

    std::string directory_;
    DirectoryLock lock_;
    std::optional<LogFile> file_;
    std::uint64_t torn_bytes_ = 0;
    std::uint64_t compacted_bytes_ = 0;

    std::uint64_t epoch_ = 0;
    std::uint64_t ages_ = 0;
    std::map<InstallKey, Installation> installations_;
    std::map<InstallKey, Definition> definitions_;
    std::map<std::string, Entry> entries_;
    std::map<machine::RouteId, Location> routes_;
    /// Decoded while reading, until take_content.
    std::map<std::string, machine::Records::Entry> loaded_;
    std::map<InstallKey, Action> loaded_definitions_;
    std::map<machine::RouteId, Route> loaded_routes_;
};

Journal::Journal(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Journal::~Journal() = default;

Result<std::unique_ptr<Journal>> Journal::open(const std::string& directory) {
    auto impl = std::make_unique<Impl>();
    CHECK(impl->open(directory));
    return std::unique_ptr<Journal>{new Journal{std::move(impl)}};
}

JournalContent Journal::take_content() { return impl_->take_content(); }

Result<void> Journal::write(const std::vector<JournalRecord>& records) {
    return impl_->write(records);
}

}  // namespace tidegate::agent
