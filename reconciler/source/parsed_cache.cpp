#include "reconciler/source/parsed_cache.h"

#include <fstream>

#include "schema/base/digest.h"
#include "schema/model/document_codec.h"

namespace tidegate::source {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormat = "tidegate parsed files, format 1";
constexpr std::size_t kDigestDigits = 64;
constexpr std::size_t kLengthBytes = 4;

void put(std::string& out, std::string_view text) {
    for (std::size_t i = kLengthBytes; i-- > 0;)
        out += static_cast<char>(text.size() >> (8 * i) & 0xff);
    out += text;
}

/// Takes a text off the front; none when the rest is too short.
std::optional<std::string_view> take(std::string_view& rest) {
    if (rest.size() < kLengthBytes) return std::nullopt;
    std::size_t length = 0;
    for (const char byte : rest.substr(0, kLengthBytes))
        length = length << 8 | static_cast<std::uint8_t>(byte);
    rest.remove_prefix(kLengthBytes);
    if (length > rest.size()) return std::nullopt;
    const auto text = rest.substr(0, length);
    rest.remove_prefix(length);
    return text;
}

std::string_view path_of(std::string_view key) { return key.substr(key.find(':') + 1); }

std::string read_file(const CachePlace& place) {
    std::error_code error;
    const auto size = fs::file_size(place.file, error);
    if (error || size > place.bytes_max) return {};
    std::string text(size, '\0');
    std::ifstream in{place.file, std::ios::binary};
    if (!in.read(text.data(), static_cast<std::streamsize>(size))) return {};
    return text;
}

Result<void> write_file(const fs::path& path, std::string_view head, std::string_view body) {
    const auto fresh = path.string() + ".new";
    std::ofstream out{fresh, std::ios::trunc | std::ios::binary};
    out << head << body;
    out.close();
    std::error_code error;
    if (out) fs::rename(fresh, path, error);
    if (!out || error) return fail(ErrorCode::unavailable, "cannot write {}", path.string());
    return {};
}

}  // namespace

ParsedCache ParsedCache::load(const CachePlace& place) {
    ParsedCache cache;
    if (!place.usable()) return cache;
    auto text = std::make_unique<const std::string>(read_file(place));
    if (text->size() < kDigestDigits) return cache;
    auto rest = std::string_view{*text}.substr(kDigestDigits);
    if (Digest::of(rest).hex() != std::string_view{*text}.substr(0, kDigestDigits)) return cache;
    if (take(rest) != kFormat || take(rest) != place.parser) return cache;
    while (!rest.empty()) {
        const auto key = take(rest);
        const auto bytes = take(rest);
        if (!key || !bytes) return {};
        cache.bytes_of_.emplace(*key, *bytes);
    }
    cache.text_ = std::move(text);
    return cache;
}

std::shared_ptr<const ParsedFile> ParsedCache::find(const std::string& key) const {
    const auto found = bytes_of_.find(key);
    if (found == bytes_of_.end()) return nullptr;
    auto file = decode_parsed_file(found->second, path_of(key));
    return file ? std::make_shared<const ParsedFile>(*std::move(file)) : nullptr;
}

Result<void> save_parsed(const CachePlace& place, const ParsedFiles& files) {
    if (!place.usable()) return {};
    std::string body;
    put(body, kFormat);
    put(body, place.parser);
    std::string bytes;
    for (const auto& [key, file] : files) {
        bytes.clear();
        encode(*file, path_of(key), bytes);
        const auto needed = 2 * kLengthBytes + key.size() + bytes.size();
        if (kDigestDigits + body.size() + needed > place.bytes_max) continue;
        put(body, key);
        put(body, bytes);
    }
    return write_file(place.file, Digest::of(body).hex(), body);
}

}  // namespace tidegate::source
