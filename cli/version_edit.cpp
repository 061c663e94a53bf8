#include "cli/version_edit.h"

#include <algorithm>

#include "schema/config/read.h"

namespace tidegate::cli {
namespace {

std::string scalar_text(const std::string& text) {
    const auto plain = [](char byte) {
        return std::isalnum(static_cast<unsigned char>(byte)) != 0 || byte == '.' || byte == '_' ||
               byte == '-' || byte == '+';
    };
    const bool simple = !text.empty() && text.front() != '-' && std::ranges::all_of(text, plain);
    if (simple) return text;
    std::string quoted = "\"";
    for (const char byte : text) {
        if (byte == '"' || byte == '\\') quoted += '\\';
        quoted += byte;
    }
    return quoted + '"';
}

}  // namespace

std::string pins_text(const std::vector<Pin>& pins) {
    std::string text;
    for (const auto& pin : pins)
        text += fmt::format("\n  - {{target: {}, version: {}}}", scalar_text(pin.target.name),
                            scalar_text(pin.version));
    return text;
}

std::string promote_text(const Promote& promote) {
    const auto how = promote.full ? "to: full" : fmt::format("step: {}", promote.step);
    return fmt::format("{{version: {}, {}}}", scalar_text(promote.version), how);
}

Result<Version> read_version(const std::string& path, std::string_view text) {
    const auto file = config::read_document(path, text);
    if (file.document && std::holds_alternative<Version>(*file.document))
        return std::get<Version>(*file.document);
    std::string all;
    for (const auto& error : file.errors) all += (all.empty() ? "" : "; ") + error.text();
    return fail(ErrorCode::invalid, "{}", all.empty() ? path + " is no version file" : all);
}

}  // namespace tidegate::cli
