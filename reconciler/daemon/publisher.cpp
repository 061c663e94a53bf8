#include "reconciler/daemon/publisher.h"

namespace tidegate::daemon {
namespace {

constexpr std::chrono::milliseconds kInterval{100};

template <class T>
std::shared_ptr<const T> shared(T value) {
    return std::make_shared<const T>(std::move(value));
}

}  // namespace

StatusSnapshot& Publisher::edit() {
    schedule();
    return next_;
}

void Publisher::apply(engine::Publish change) {
    auto& to = edit();
    for (const auto& key : change.removed_assignments) to.assignments.erase(key);
    for (const auto& id : change.removed_releases) to.releases.erase(id);
    for (const auto& name : change.removed_targets) to.targets.erase(name);
    for (auto& view : change.assignments) {
        const auto key = view.key;
        to.assignments[key] = shared(std::move(view));
    }
    for (auto& release : change.releases) {
        const auto id = release.id;
        to.releases[id] = shared(std::move(release));
    }
    for (auto& target : change.targets) {
        const auto name = target.name;
        to.targets[name] = shared(std::move(target));
    }
}

void Publisher::flush() {
    timer_.cancel();
    scheduled_ = false;
    ++next_.generation;
    board_.set(shared(next_));
}

void Publisher::schedule() {
    if (scheduled_) return;
    scheduled_ = true;
    timer_.expires_after(kInterval);
    timer_.async_wait([this](asio::error_code error) {
        if (!error) flush();
    });
}

}  // namespace tidegate::daemon
