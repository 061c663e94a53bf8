#pragma once
/// Pages of lists: `?limit=&cursor=`. A cursor is the key of the last item shown, so a page after
/// changes neither repeats nor skips what stayed. Internal to this folder.

#include "reconciler/status/answer.h"
#include "reconciler/status/views.h"
#include "schema/base/result.h"

namespace tidegate::status {

struct Page {
    std::size_t limit = 0;
    std::string after;  ///< key of the last item of the page before; empty = from the start

    /// Errors: `invalid` (a limit outside 1..kHttpPageItemsMax, a cursor that is none of ours).
    [[nodiscard]] static Result<Page> of(const Request& request);
};

/// Takes items in rising order of key, keeps those of one page.
class PagedList {
public:
    explicit PagedList(Page page) : page_(std::move(page)) {}

    /// Whether an item with this key belongs to the page; notes that there is more when it is full.
    [[nodiscard]] bool wants(const std::string& key);
    void add(const std::string& key, Json item);
    [[nodiscard]] bool full() const { return has_more_; }
    /// `{"items":[…],"next_cursor":…}`
    [[nodiscard]] Answer answer() &&;

private:
    Page page_;
    Json items_ = Json::array();
    std::string last_;
    std::size_t bytes_ = 0;
    bool has_more_ = false;
};

[[nodiscard]] Answer json_answer(const Json& json);

/// The page that the query asks for, of what `fill` gives to the list; 400 for a bad query.
template <class Fill>
[[nodiscard]] Answer paged(const Request& request, Fill fill) {
    auto page = Page::of(request);
    if (!page) return error_answer(400, "invalid", page.error().message);
    PagedList list{*std::move(page)};
    fill(list);
    return std::move(list).answer();
}

}  // namespace tidegate::status
