#pragma once
/// Parsed files kept on disk, so that a restart parses no YAML again. Losing the file, or finding
/// it damaged, too large or written by another build, costs only time.
///
/// Layout: 64 hexadecimal digits of the SHA-256 of all that follows; then texts, each after its
/// length in four bytes (big endian): the format, the parser, and for each file `<blob>:<path>` and
/// its bytes by schema/model/document_codec.h.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "schema/base/limits.h"
#include "schema/base/result.h"
#include "schema/model/documents.h"

namespace tidegate::source {

/// Where parsed files are kept, and whose they are: another parser may read the same text
/// otherwise.
struct CachePlace {
    std::filesystem::path file;
    std::string parser;  ///< empty: nothing is kept
    std::size_t bytes_max = limits::kParsedCacheBytesMax;

    [[nodiscard]] bool usable() const { return !file.empty() && !parser.empty(); }
};

/// Files by `<blob>:<path>`.
using ParsedFiles = std::unordered_map<std::string, std::shared_ptr<const ParsedFile>>;

/// What a former run kept. Immutable once loaded; any thread.
class ParsedCache {
public:
    ParsedCache() = default;
    /// Empty when there is no such file or anything is wrong with it.
    [[nodiscard]] static ParsedCache load(const CachePlace& place);
    ParsedCache(ParsedCache&&) = default;
    ParsedCache& operator=(ParsedCache&&) = default;

    [[nodiscard]] bool contains(const std::string& key) const { return bytes_of_.contains(key); }
    [[nodiscard]] std::size_t size() const { return bytes_of_.size(); }
    /// Null when the file is not here.
    [[nodiscard]] std::shared_ptr<const ParsedFile> find(const std::string& key) const;

private:
    std::unique_ptr<const std::string> text_;  ///< not a string: its views outlive a move
    std::unordered_map<std::string_view, std::string_view> bytes_of_;
};

/// Replaces the file, whole or not at all; never over `bytes_max`: what does not fit
/// is left out. unavailable: the
/// disk is full or the folder is not there.
[[nodiscard]] Result<void> save_parsed(const CachePlace& place, const ParsedFiles& files);

/// Which programs and libraries read YAML in this process: a digest of their build ids, so that
/// any upgrade makes another parser. Empty when this program has none.
[[nodiscard]] std::string parser_identity();

}  // namespace tidegate::source
