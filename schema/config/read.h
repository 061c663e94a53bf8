#pragma once
/// The config repo's YAML as documents. Pure: text in, a document or all of its errors out.
/// Every key is described in docs/config.md; the same code that reads a document also writes its
/// published JSON Schema, so the two cannot drift.

#include <string_view>

#include "schema/config/layout.h"
#include "schema/model/checks.h"
#include "schema/model/documents.h"

namespace tidegate::config {

/// Reads one file. `path` is the file's path in the repo: it decides the kind (classify), must
/// agree with the names inside, and stands in every error. Text is bounded by limits.h: bytes,
/// depth and nodes are checked before memory is taken for them. Anchors, aliases, tags, duplicate
/// keys, several documents and text that is not UTF-8 are errors.
///
/// All errors of the file are reported (at most kErrorsReportedMax), each with file:line:column,
/// in the order of their places; then `document` is null. Lines count from 1 and end at LF;
/// columns count characters from 1. Costs time and memory linear in the text; never throws.
/// What only newer checks than `checks` refuse is a warning; a file without errors and warnings
/// reads the same by all of them.
[[nodiscard]] ParsedFile read_document(std::string_view path, std::string_view text,
                                       Checks checks = kChecksNow);

/// The same text as plain data, whatever kind of document it is: for people who compare two. Null
/// where it cannot be read.
[[nodiscard]] Value read_plain(std::string_view path, std::string_view text);

/// The JSON Schema (draft-07) of one kind, as schema/json publishes it.
[[nodiscard]] Value json_schema(DocumentKind kind);

}  // namespace tidegate::config
