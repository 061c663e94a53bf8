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
    for (const auto& key : change.removed_assignments) {
        to.assignments.erase(key);
        to.stays.erase(key);
    }
    for (const auto& id : change.removed_releases) {
        to.releases.erase(id);
        editing_.erase(id);
    }
    for (const auto& name : change.removed_targets) to.targets.erase(name);
    for (auto& view : change.assignments) {
        const auto key = view.key;
        to.assignments[key] = shared(std::move(view));
        to.stays.erase(key);
    }
    to.stays.merge(std::move(change.stays));
    for (auto& release : change.releases) engine::merge(editable(release.head.id), release);
    for (auto& target : change.targets) {
        const auto name = target.name;
        to.targets[name] = shared(std::move(target));
    }
}

void Publisher::seen(const std::string& target, Timestamp at) {
    const auto found = next_.targets.find(target);
    if (found == next_.targets.end() || found->second->last_seen_at == at) return;
    auto view = *found->second;
    view.last_seen_at = at;
    edit().targets[target] = shared(std::move(view));
}

Release& Publisher::editable(const std::string& id) {
    auto& copy = editing_[id];
    if (!copy) {
        auto& known = next_.releases[id];
        copy = known ? std::make_shared<Release>(*known) : std::make_shared<Release>();
        known = copy;
    }
    return *copy;
}

void Publisher::flush() {
    timer_.cancel();
    scheduled_ = false;
    refresh_(next_);
    ++next_.generation;
    board_.set(shared(next_));
    editing_.clear();
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
