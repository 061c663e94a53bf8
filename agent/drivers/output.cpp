#include "agent/drivers/output.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

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

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Length of the valid UTF-8 character at the start of `text`; 0 if there is none.
std::size_t character_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xF5   ? 0
                               : first >= 0xF0 ? 4
                               : first >= 0xE0 ? 3
                               : first >= 0xC2 ? 2
                                               : 0;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if (!is_continuation(text[i])) return 0;
    const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
    const bool surrogate = first == 0xED && byte(1) >= 0xA0;
    const bool too_high = first == 0xF4 && byte(1) >= 0x90;
    return overlong || surrogate || too_high ? 0 : length;
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
    if (dropped_bytes() == 0) return to_valid_utf8(head_ + tail_);
    return fmt::format("{}\n[... {} bytes dropped ...]\n{}", to_valid_utf8(head_), dropped_bytes(),
                       to_valid_utf8(tail_of(tail_, part_max_)));
}

std::string to_valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto length = character_length(text);
        if (length == 0 || text.front() == '\0')
            out += '?';
        else
            out += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

std::string_view tail_of(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    text.remove_prefix(text.size() - bytes_max);
    while (!text.empty() && is_continuation(text.front())) text.remove_prefix(1);
    return text;
}

}  // namespace tidegate::agent
