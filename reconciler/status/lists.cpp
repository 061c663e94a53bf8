#include "reconciler/status/lists.h"

#include <charconv>

#include "schema/base/digest.h"
#include "schema/base/limits.h"

namespace tidegate::status {
namespace {

std::string encode_cursor(std::string_view key) {
    return to_hex({reinterpret_cast<const std::uint8_t*>(key.data()), key.size()});
}

std::optional<std::string> decode_cursor(std::string_view hex) {
    std::string key;
    for (; !hex.empty(); hex.remove_prefix(2)) {
        std::uint8_t byte = 0;
        if (hex.size() < 2) return std::nullopt;
        const auto [end, error] = std::from_chars(hex.data(), hex.data() + 2, byte, 16);
        if (error != std::errc{} || end != hex.data() + 2) return std::nullopt;
        key.push_back(static_cast<char>(byte));
    }
    return key;
}

}  // namespace

Result<Page> Page::of(const Request& request) {
    Page page{limits::kHttpPageItemsDefault, {}};
    if (const auto limit = request.query.find("limit"); limit != request.query.end()) {
        const auto& text = limit->second;
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), page.limit);
        const bool number = error == std::errc{} && end == text.data() + text.size();
        if (!number || page.limit < 1 || page.limit > limits::kHttpPageItemsMax)
            return fail(ErrorCode::invalid, "limit must be 1..{}", limits::kHttpPageItemsMax);
    }
    if (const auto cursor = request.query.find("cursor"); cursor != request.query.end()) {
        auto key = decode_cursor(cursor->second);
        if (!key) return fail(ErrorCode::invalid, "cursor must be a next_cursor of this list");
        page.after = *std::move(key);
    }
    return page;
}

bool PagedList::wants(const std::string& key) {
    if (!page_.after.empty() && key <= page_.after) return false;
    if (items_.size() < page_.limit && bytes_ < limits::kHttpAnswerBytesMax) return true;
    has_more_ = true;
    return false;
}

void PagedList::add(const std::string& key, Json item) {
    bytes_ += print(item).size();
    items_.push_back(std::move(item));
    last_ = key;
}

Answer PagedList::answer() && {
    const auto cursor = has_more_ ? encode_cursor(last_) : std::string{};
    return json_answer({{"items", std::move(items_)}, {"next_cursor", or_null(cursor)}});
}

Answer json_answer(const Json& json) {
    Answer answer;
    answer.body = print(json);
    return answer;
}

}  // namespace tidegate::status
