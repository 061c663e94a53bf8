#include "reconciler/status/streams.h"

#include <algorithm>

#include "reconciler/status/views.h"
#include "reconciler/status/way_back.h"
#include "schema/base/limits.h"

namespace tidegate::status {
namespace {

/// How long a look at the board may take: bounds stop(), and how late a full socket is tried again.
constexpr std::chrono::milliseconds kPatience{200};
constexpr std::chrono::milliseconds kPatienceWhenFull{20};
/// Events to one stream in a row, so that a new one with much to hear does not delay the others.
constexpr int kRoundsMax = 16;

void append_event(std::string& out, const StatusSnapshot& snapshot, std::string_view name,
                  const Json& data) {
    out += fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event_id(snapshot), name, print(data));
}

Json key_json(const AssignmentKey& key) {
    return {{"project", key.project}, {"environment", key.environment}};
}

/// What a release's route step tells of them, and is no part of the release.
std::string routers_text(const AssignmentView* view) {
    return view && view->sides ? print(routers_json(view->sides->routers)) : "";
}

}  // namespace

Streams::Streams(SnapshotBoard& board) : board_(board), thread_([this] { serve(); }) {}
Streams::~Streams() { stop(); }

void Streams::stop() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    added_.notify_all();
    if (thread_.joinable()) thread_.join();
    streams_.clear();
    new_.clear();
}

bool Streams::has_room() const { return count_ < limits::kHttpStreamsMax; }

void Streams::add(Socket socket, Watch watch) {
    if (!has_room()) return;
    ++count_;
    Stream stream;
    stream.socket = std::move(socket);
    stream.watch = std::move(watch);
    stream.last_event = Clock::now();
    {
        const std::lock_guard lock{mutex_};
        new_.push_back(std::move(stream));
    }
    added_.notify_all();
}

void Streams::take_new() {
    std::unique_lock lock{mutex_};
    if (streams_.empty()) added_.wait(lock, [this] { return stopping_ || !new_.empty(); });
    std::ranges::move(new_, std::back_inserter(streams_));
    new_.clear();
}

void Streams::serve() {
    std::uint64_t seen = 0;
    while (!stopping_) {
        take_new();
        const bool hungry = std::ranges::any_of(
            streams_, [](const Stream& s) { return s.fresh || !s.out.empty(); });
        const auto snapshot = board_.wait_beyond(seen, hungry ? kPatienceWhenFull : kPatience);
        if (!snapshot) continue;
        seen = snapshot->generation;
        for (auto& stream : streams_) feed(stream, *snapshot);
        count_ -= std::erase_if(streams_, [](const Stream& s) { return s.gone; });
    }
}

void Streams::feed(Stream& stream, const StatusSnapshot& snapshot) {
    std::string ignored;
    if (stream.socket.receive(ignored, 1024) == Socket::Io::closed) stream.gone = true;
    for (int round = 0; round < kRoundsMax && !stream.gone; ++round) {
        if (stream.out.empty() && !stream.ending) write_news(stream, snapshot);
        if (stream.out.empty()) break;
        const auto io = stream.socket.send(stream.out, stream.sent);
        const bool stalled = Clock::now() - stream.last_event >= limits::kHttpWriteTimeout;
        if (io == Socket::Io::closed || (io == Socket::Io::again && stalled)) stream.gone = true;
        if (io != Socket::Io::done) break;
        stream.out.clear();
        stream.sent = 0;
        stream.gone = stream.gone || stream.ending;
    }
}

void Streams::write_news(Stream& stream, const StatusSnapshot& snapshot) {
    if (stream.watch.release.empty())
        write_assignments(stream, snapshot);
    else
        write_release(stream, snapshot);
    stream.fresh = false;
    const auto now = Clock::now();
    if (stream.out.empty() && now - stream.last_event >= limits::kHttpHeartbeat)
        stream.out = ": still here\n\n";
    if (!stream.out.empty()) stream.last_event = now;
}

void Streams::write_release(Stream& stream, const StatusSnapshot& snapshot) {
    const auto found = snapshot.releases.find(stream.watch.release);
    if (found == snapshot.releases.end()) {
        append_event(stream.out, snapshot, "gone", {{"id", stream.watch.release}});
        stream.ending = true;
        return;
    }
    const auto& release = found->second;
    stream.ending = is_final(release->status);
    const auto* view = view_of(snapshot, release->key);
    auto routers = routers_text(view);
    const bool known = stream.fresh && stream.watch.seen == event_id(snapshot) && !stream.ending;
    if (!known && (stream.release != release || stream.routers != routers)) {
        auto json = release_json(*release, view);
        add_way_back(json, way_back_of(snapshot, *release));
        append_event(stream.out, snapshot, "release", json);
    }
    stream.release = release;
    stream.routers = std::move(routers);
}

void Streams::write_assignments(Stream& stream, const StatusSnapshot& snapshot) {
    if (stream.fresh && stream.watch.seen == event_id(snapshot)) {
        stream.assignments = snapshot.assignments;
        return;
    }
    std::erase_if(stream.assignments, [&](const auto& entry) {
        const bool removed = !snapshot.assignments.contains(entry.first);
        if (removed) append_event(stream.out, snapshot, "removed", key_json(entry.first));
        return removed;
    });
    for (const auto& [key, view] : snapshot.assignments) {
        if (stream.out.size() >= limits::kHttpStreamBytesMax) return;
        auto& last = stream.assignments[key];
        if (last == view) continue;
        append_event(stream.out, snapshot, "assignment", assignment_json(*view));
        last = view;
    }
}

}  // namespace tidegate::status
