#include "schema/config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <numeric>
#include <sstream>

#include "schema/base/limits.h"
#include "schema/config/quotes.h"
#include "schema/config/utf8.h"
#include "schema/config/yaml_trouble.h"

namespace tidegate::config {
namespace {

/// Turns yaml-cpp's marks (from 0, columns in bytes) into places for people. Marks come nearly in
/// order, so counting from the last one keeps a file of one long line linear.
class Places {
public:
    explicit Places(std::string_view text) : text_{text} {}

    Node at(const YAML::Mark& mark) {
        Node node;
        node.line = mark.line + 1;
        const auto place = static_cast<std::size_t>(std::max(mark.pos, 0));
        if (mark.line != line_) {
            line_ = mark.line;
            seen_ = place - std::min(place, static_cast<std::size_t>(std::max(mark.column, 0)));
            column_ = 1;
        }
        if (place >= seen_)
            column_ += characters(seen_, place);
        else
            column_ -= characters(place, seen_);
        seen_ = place;
        node.column = column_;
        return node;
    }

private:
    int characters(std::size_t from, std::size_t to) const {
        from = std::min(from, text_.size());
        return count_characters(text_.substr(from, to - from));
    }

    std::string_view text_;
    int line_ = -1;
    std::size_t seen_ = 0;
    int column_ = 1;
};

/// Builds the tree from events. After a limit is passed it ignores what follows: the parser cannot
/// be stopped, but it is bounded by the text's size and takes no more memory.
class TreeBuilder : public YAML::EventHandler {
public:
    TreeBuilder(std::string_view file, std::string_view text)
        : file_{file}, text_{text}, places_{text} {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ != 2) return;
        const auto place = static_cast<std::size_t>(std::max(mark.pos, 0));
        if (is_blank_yaml(text_.substr(std::min(place, text_.size()))))
            ended_ = stopped_ = true;
        else
            stop(mark, "a file must hold one document; remove what follows ---");
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        auto node = places_.at(mark);
        check_plain(mark, "", anchor);
        attach(mark, std::move(node));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        error(mark, "aliases (*name) are not allowed; write the value out");
        auto node = places_.at(mark);
        node.kind = Node::Kind::broken;
        attach(mark, std::move(node));
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        check_plain(mark, tag, anchor);
        if (value.find('\0') != std::string::npos) error(mark, "a value must not hold a NUL");
        auto node = places_.at(mark);
        node.kind = Node::Kind::scalar;
        node.quoted = tag != "?";
        if (!stopped_) node.text = value;
        if (node.quoted) check_quote(mark, node);
        attach(mark, std::move(node));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value style) override {
        open(mark, tag, anchor, Node::Kind::list, style);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value style) override {
        open(mark, tag, anchor, Node::Kind::map, style);
    }
    void OnMapEnd() override {
        if (!stopped_) check_keys(*open_.back());
        close();
    }

    void stop(const YAML::Mark& mark, std::string message) {
        if (stopped_) return;
        error(mark, std::move(message));
        stopped_ = true;
    }
    /// What is left of the text need not be parsed (and must not: after a stray `,` yaml-cpp finds
    /// empty documents without end).
    [[nodiscard]] bool stopped() const { return stopped_; }
    /// The parser gave up.
    void give_up(const YAML::Exception& exception) {
        if (!newer_.empty() && !stopped_)  // it gave up behind a quote that reached too far
            errors_.push_back(newer_.back());
        else if (const auto trouble = find_trouble(text_, exception.mark.line + 1);
                 trouble && !stopped_)
            errors_.push_back(
                {ErrorCode::invalid, trouble->message, {file_, trouble->line, trouble->column}});
        else
            error(exception.mark,
                  "not valid YAML: " + exception.msg +
                      (exception.msg == YAML::ErrorMsg::MAP_VALUE
                           ? ": a text that has a colon and a space in it needs quotes"
                           : ""));
        stopped_ = true;
    }
    YamlTree finish() && {
        if (documents_ == 0) errors_.push_back(make_error({}, "the file is empty"));
        return {std::move(root_), std::move(errors_), std::move(newer_),
                (!stopped_ || ended_) && documents_ > 0};
    }

private:
    Error make_error(const Node& place, std::string message) const {
        return {ErrorCode::invalid, std::move(message), {file_, place.line, place.column}};
    }
    void error(const YAML::Mark& mark, std::string message) {
        if (!stopped_ && errors_.size() < limits::kErrorsReportedMax)
            errors_.push_back(make_error(places_.at(mark), std::move(message)));
    }

    void check_plain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor)
            error(mark, "anchors (&name) are not allowed; write the value out");
        if (!tag.empty() && tag != "?" && tag != "!") error(mark, "tags (!name) are not allowed");
    }

    void check_quote(const YAML::Mark& mark, const Node& node) {
        auto trouble = trouble_of_quote(text_, static_cast<std::size_t>(std::max(mark.pos, 0)),
                                        node.line, indent());
        if (!trouble.empty() && !stopped_ && newer_.size() < limits::kErrorsReportedMax)
            newer_.push_back(make_error(node, std::move(trouble)));
    }
    [[nodiscard]] int indent() const { return indents_.empty() ? -1 : indents_.back(); }

    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              Node::Kind kind, YAML::EmitterStyle::value style) {
        check_plain(mark, tag, anchor);
        auto node = places_.at(mark);
        node.kind = kind;
        auto* attached = attach(mark, std::move(node));
        if (attached == nullptr) return;
        if (open_.size() == limits::kYamlDepthMax)
            return stop(mark, fmt::format("nested deeper than {} levels", limits::kYamlDepthMax));
        indents_.push_back(style == YAML::EmitterStyle::Flow ? indent() : attached->column - 1);
        open_.push_back(attached);
    }
    void close() {
        if (stopped_) return;
        open_.pop_back();
        indents_.pop_back();
    }

    /// Puts the node where the parser stands. The result lives until its next sibling comes.
    Node* attach(const YAML::Mark& mark, Node node) {
        if (stopped_) return nullptr;
        if (++nodes_ > limits::kYamlNodesMax) {
            stop(mark, fmt::format("more than {} values in one file", limits::kYamlNodesMax));
            return nullptr;
        }
        if (open_.empty()) return &(root_ = std::move(node));
        auto& parent = *open_.back();
        const bool is_key =
            parent.kind == Node::Kind::map && parent.keys.size() == parent.items.size();
        if (is_key && node.kind != Node::Kind::scalar) {
            error(mark, "a key must be a plain text");
            return &parent.keys.emplace_back(std::move(node));
        }
        if (!is_key && node.kind == Node::Kind::null && !parent.keys.empty()) {
            node.line = parent.keys.back().line;  // an empty value has its mark on the next token
            node.column = parent.keys.back().column;
        }
        return &(is_key ? parent.keys : parent.items).emplace_back(std::move(node));
    }

    void check_keys(const Node& map) {
        std::vector<std::size_t> order(map.keys.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::stable_sort(order, {}, [&](std::size_t i) { return map.keys[i].text; });
        for (std::size_t i = 1; i < order.size(); ++i) {
            const auto& key = map.keys[order[i]];
            const auto& before = map.keys[order[i - 1]];
            if (key.kind != Node::Kind::scalar || key.text != before.text) continue;
            if (errors_.size() >= limits::kErrorsReportedMax) return;
            errors_.push_back(make_error(key, fmt::format("duplicate key '{}' (first in line {})",
                                                          key.text.substr(0, 64), before.line)));
        }
    }

    std::string file_;
    std::string_view text_;
    Places places_;
    Node root_;
    std::vector<Node*> open_;   ///< from the root to the collection that is being filled
    std::vector<int> indents_;  ///< of the block that each of these stands in, in columns
    std::vector<Error> errors_;
    std::vector<Error> newer_;
    std::size_t nodes_ = 0;
    int documents_ = 0;
    bool stopped_ = false;
    bool ended_ = false;  ///< stopped where only a document mark was left
};

/// Refuses what is too large or no text, before any parser sees it.
std::optional<Error> check_bytes(std::string_view file, std::string_view text) {
    if (text.size() > limits::kFileBytesMax)
        return Error{ErrorCode::invalid,
                     fmt::format("the file has {} bytes, at most {} are allowed", text.size(),
                                 limits::kFileBytesMax),
                     {std::string(file), 1, 1}};
    const auto bad = find_bad_byte(text);
    if (!bad) return std::nullopt;
    const auto before = text.substr(0, bad->offset);
    const auto line_start = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
    return Error{ErrorCode::invalid,
                 bad->message,
                 {std::string(file), static_cast<int>(std::ranges::count(before, '\n')) + 1,
                  count_characters(before.substr(line_start)) + 1}};
}

}  // namespace

YamlTree parse_yaml(std::string_view file, std::string_view text) {
    if (auto error = check_bytes(file, text)) return {{}, {std::move(*error)}};
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    if (const auto pointer = find_pointer(text))
        return {{},
                {{ErrorCode::invalid,
                  pointer->message,
                  {std::string(file), pointer->line, pointer->column}}}};

    TreeBuilder builder{file, text};
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser{stream};
        while (!builder.stopped() && parser.HandleNextDocument(builder)) continue;
    } catch (const YAML::Exception& exception) {
        builder.give_up(exception);
    } catch (const std::exception& exception) {
        builder.stop(YAML::Mark{}, std::string("cannot be parsed: ") + exception.what());
    }
    return std::move(builder).finish();
}

Result<void> check_quotes(std::string_view file, std::string_view text) {
    // With an end of its last line a parser tells of a quote there, without one it throws.
    auto tree = parse_yaml(file, std::string{text} + '\n');
    if (tree.newer.empty()) return {};
    return fail(std::move(tree.newer.front()));
}

Error parse_error(std::string_view file, std::string_view text, int line, int column,
                  const std::string& said) {
    if (auto trouble = find_trouble(text, line))
        return {ErrorCode::invalid,
                std::move(trouble->message),
                {std::string{file}, trouble->line, trouble->column}};
    return {ErrorCode::invalid, said, {std::string{file}, line, column}};
}

}  // namespace tidegate::config
