#include "agent/drivers/output.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "schema/base/utf8.h"

namespace tidegate::agent {
namespace {

constexpr std::string_view kMask = "***";
/// Shorter lines of a secret of several lines (`}`, `--`) would mask half of every output.
constexpr std::size_t kSecretLineBytesMin = 6;

void add_lines(const std::string& secret, std::vector<std::string>& out) {
    for (std::size_t start = 0; start < secret.size();) {
        const auto end = std::min(secret.find('\n', start), secret.size());
        if (end - start >= kSecretLineBytesMin) out.push_back(secret.substr(start, end - start));
        start = end + 1;
    }
}

}  // namespace

Masker::Masker(const std::vector<std::string>& secrets) {
    for (const auto& secret : secrets) {
        if (secret.empty()) continue;
        secrets_.push_back(secret);
        if (secret.find('\n') != std::string::npos) add_lines(secret, secrets_);
    }
    std::sort(secrets_.begin(), secrets_.end(),
              [](const auto& a, const auto& b) { return a.size() > b.size(); });
    for (const auto& secret : secrets_)
        if (starts_.find(secret.front()) == std::string::npos) starts_ += secret.front();
}

std::string Masker::feed(std::string_view chunk) {
    if (secrets_.empty()) return std::string{chunk};
    pending_ += chunk;
    return drain(false);
}

std::string Masker::finish() { return drain(true); }

std::size_t Masker::next_start(std::string_view text, std::size_t from) const {
    std::size_t nearest = text.size();
    for (const char c : starts_) nearest = std::min(nearest, text.substr(0, nearest).find(c, from));
    return nearest;
}

std::string Masker::drain(bool last) {
    const std::string_view text = pending_;
    std::string out;
    out.reserve(text.size());
    std::size_t at = 0;
    while (at < text.size()) {
        const auto start = next_start(text, at);
        out += text.substr(at, start - at);
        at = start;
        if (at == text.size()) break;
        const auto rest = text.substr(at);
        const auto cut = std::any_of(secrets_.begin(), secrets_.end(), [&](const auto& secret) {
            return rest.size() < secret.size() && secret.starts_with(rest);
        });
        if (cut && !last) break;
        const auto hit = std::find_if(secrets_.begin(), secrets_.end(),
                                      [&](const auto& secret) { return rest.starts_with(secret); });
        if (hit == secrets_.end()) {
            out += text[at++];
        } else {
            out += kMask;
            at += hit->size();
        }
    }
    pending_.erase(0, at);
    return out;
}

void OutputBuffer::append(std::string_view text) {
    const auto room = part_max_ - head_.size();
    head_ += text.substr(0, room);
    if (text.size() <= room) return;
    text.remove_prefix(room);
    if (text.size() > part_max_) {
        dropped_ += text.size() - part_max_;
        text.remove_prefix(text.size() - part_max_);
    }
    tail_ += text;
    if (tail_.size() > 2 * part_max_) {
        const auto excess = tail_.size() - part_max_;
        dropped_ += excess;
        tail_.erase(0, excess);
    }
}

std::uint64_t OutputBuffer::dropped_bytes() const {
    return dropped_ + (tail_.size() > part_max_ ? tail_.size() - part_max_ : 0);
}

std::string OutputBuffer::text() const {
    if (dropped_bytes() == 0) return to_utf8(head_ + tail_, "?");
    return fmt::format("{}\n[... {} bytes dropped ...]\n{}", to_utf8(head_, "?"), dropped_bytes(),
                       to_utf8(tail_of(tail_, part_max_), "?"));
}

}  // namespace tidegate::agent
