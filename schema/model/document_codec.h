#pragma once
/// Parsed files as bytes, so that they can be kept across a restart: a walk over every field, in
/// order, without names. Only the same build reads what it wrote; nothing here knows older forms.

#include <optional>
#include <string>
#include <string_view>

#include "schema/model/documents.h"

namespace tidegate {

/// Appends the file at `path` to `out`. Places in the file itself cost a byte for its name.
void encode(const ParsedFile& file, std::string_view path, std::string& out);

/// What `encode` wrote, the whole of `bytes` and nothing more; none = it is not that. Takes memory
/// in proportion to `bytes` and never reads past them, whatever they hold.
[[nodiscard]] std::optional<ParsedFile> decode_parsed_file(std::string_view bytes,
                                                           std::string_view path);

}  // namespace tidegate
