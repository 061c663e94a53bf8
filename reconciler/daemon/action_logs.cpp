#include "reconciler/daemon/action_logs.h"

#include <algorithm>
#include <fstream>
#include <vector>

#include "schema/base/limits.h"

namespace tidegate::daemon {
namespace {

namespace fs = std::filesystem;

bool is_action_id(const std::string& text) {
    return !text.empty() && text.size() <= 64 &&
           std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

fs::path file_of(const fs::path& folder, const std::string& action) {
    return folder / (action + ".log");
}

}  // namespace

void ActionLogs::append(const std::string& action, std::string_view bytes) {
    if (!is_action_id(action)) return;
    if (waiting_bytes_ + bytes.size() > limits::kLogBytesWaitingMax) return;
    waiting_bytes_ += bytes.size();
    worker_.post([this, action, text = std::string{bytes}] {
        write(action, text);
        waiting_bytes_ -= text.size();
    });
}

std::optional<std::string> ActionLogs::read(const fs::path& folder, const std::string& action) {
    if (!is_action_id(action)) return std::nullopt;
    std::ifstream in{file_of(folder, action), std::ios::binary};
    if (!in) return std::nullopt;
    return std::string{std::istreambuf_iterator<char>{in}, {}};
}

void ActionLogs::write(const std::string& action, const std::string& bytes) {
    if (!stock_taken_) take_stock();
    if (known_.insert(action).second) {
        by_age_.push_back(action);
        make_room();
    }
    std::error_code error;
    const auto file = file_of(folder_, action);
    const auto size = fs::exists(file, error) ? fs::file_size(file, error) : 0;
    if (error || size >= limits::kOutputBytesMax) return;
    std::ofstream out{file, std::ios::app | std::ios::binary};
    out.write(bytes.data(),
              static_cast<std::streamsize>(std::min(bytes.size(), limits::kOutputBytesMax - size)));
}

/// What a former run left.
void ActionLogs::take_stock() {
    stock_taken_ = true;
    std::vector<std::pair<fs::file_time_type, std::string>> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{folder_, error}) {
        const auto action = entry.path().stem().string();
        if (is_action_id(action)) found.emplace_back(entry.last_write_time(error), action);
    }
    std::ranges::sort(found);
    for (auto& [age, action] : found) {
        known_.insert(action);
        by_age_.push_back(std::move(action));
    }
}

void ActionLogs::make_room() {
    while (by_age_.size() > limits::kLogFilesMax) {
        std::error_code error;
        fs::remove(file_of(folder_, by_age_.front()), error);
        known_.erase(by_age_.front());
        by_age_.pop_front();
    }
}

}  // namespace tidegate::daemon
