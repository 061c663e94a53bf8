#include "schema/config/fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "schema/base/limits.h"
#include "schema/base/nearest.h"
#include "schema/base/utf8.h"
#include "schema/config/yaml_trouble.h"

namespace tidegate::config {
namespace {

constexpr std::size_t kShownBytesMax = 60;

Value string_value(std::string_view text) { return {std::string(text)}; }

/// Any scalar may stand where text is wanted: `APP_PORT: 8080` means "8080".
Value scalar_types() {
    return {Value::List{string_value("string"), string_value("number"), string_value("boolean")}};
}

template <class T>
std::optional<T> to_number(std::string_view text) {
    T value{};
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

/// Decimal digits without leading zeros: no octal, no `1e3`, no sign but minus.
std::optional<std::int64_t> to_integer(std::string_view text) {
    const auto digits = text.substr(text.starts_with('-') ? 1 : 0);
    if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
    return to_number<std::int64_t>(text);
}

Value plain_scalar(const Node& node) {
    if (node.quoted) return {node.text};
    if (node.text == "true" || node.text == "false") return {node.text == "true"};
    if (const auto integer = to_integer(node.text)) return {*integer};
    const bool numeric = node.text.find_first_not_of("0123456789+-.eE") == std::string::npos;
    if (const auto real = to_number<double>(node.text); numeric && real) return {*real};
    return {node.text};
}

std::string kind_in_words(const Node& node) {
    switch (node.kind) {
        case Node::Kind::list:
            return "a list";
        case Node::Kind::map:
            return "a map";
        case Node::Kind::scalar:
            return (node.quoted ? '"' + shown(node.text) + '"' : shown(node.text)) +
                   odd_spaces_in(node.text);
        case Node::Kind::null:
        case Node::Kind::broken:
            break;
    }
    return "nothing";
}

/// The character at the front, so that somebody finds it who does not see it.
std::string unseen_in_words(std::string_view text) {
    if (text.front() == '\n') return "a line end";
    if (text.front() == '\t') return "a tab";
    return fmt::format("U+{:04X}", static_cast<std::uint32_t>(code_point(text)));
}

std::string join(const std::vector<std::string_view>& words) {
    std::string text;
    for (const auto word : words) text.append(text.empty() ? "" : ", ").append(word);
    return text;
}

Value word_value(std::string_view word) {
    if (word == "true" || word == "false") return {word == "true"};
    return string_value(word);
}

}  // namespace

std::string shown(std::string_view text) {
    std::string line{head_of(text, kShownBytesMax)};
    if (line.size() < text.size()) line += "…";
    return one_line(line);
}

Value plain_value(const Node& node) {
    if (node.kind == Node::Kind::scalar) return plain_scalar(node);
    if (node.kind == Node::Kind::list) {
        Value::List list;
        for (const auto& item : node.items) list.push_back(plain_value(item));
        return {std::move(list)};
    }
    if (node.kind != Node::Kind::map) return {};
    Value::Map map;
    for (std::size_t i = 0; i < node.keys.size(); ++i)
        map[node.keys[i].text] = plain_value(node.items[i]);
    return {std::move(map)};
}

void Report::error(Position at, std::string message) {
    error_since(since_, std::move(at), std::move(message));
}
void Report::warning(Position at, std::string message) {
    warnings.push_back({ErrorCode::invalid, std::move(message), std::move(at)});
}
void Report::error_since(Checks since, Position at, std::string message) {
    if (checks_ >= std::max(since, since_)) {
        if (!full()) errors.push_back({ErrorCode::invalid, std::move(message), std::move(at)});
    } else if (warnings.size() < limits::kErrorsReportedMax) {
        warning(std::move(at), std::move(message) + kRefusedNow);
    }
}
bool Report::full() const { return errors.size() >= limits::kErrorsReportedMax; }

void Place::refuse(std::string_view wanted, bool secret) const {
    if (node->kind == Node::Kind::broken) return;
    if (secret && node->kind == Node::Kind::scalar) return error("{} must be {}", name, wanted);
    error("{} must be {}, got {}", name, wanted, kind_in_words(*node));
}

const std::string* Place::scalar(std::string_view wanted) const {
    if (node->kind == Node::Kind::scalar) return &node->text;
    refuse(wanted);
    return nullptr;
}

bool Place::expect(Node::Kind kind, std::string_view wanted) const {
    if (node->kind == kind) return true;
    refuse(wanted);
    return false;
}

void read(Place place, std::string& out) {
    Text{.wanted = "text", .valid = nullptr, .lines = true}(place, out);
}

void Text::operator()(Place place, std::string& out) const {
    if (place.describing()) {
        Value::Map schema{{"type", scalar_types()}};
        if (!pattern.empty()) schema["pattern"] = string_value(pattern);
        if (bytes_max < kEndless)  // of characters, which are no more than bytes
            schema["maxLength"] = {static_cast<std::int64_t>(bytes_max)};
        return place.describe(std::move(schema));
    }
    const auto* text = place.scalar(wanted);
    if (text == nullptr) return;
    if (text->size() > bytes_max)
        return place.error("{} must be at most {} bytes, got {}", place.name, bytes_max,
                           text->size());
    if (valid != nullptr && !valid(*text)) return place.refuse(wanted, secret);
    const auto at = lines ? text->npos : find_unseen(*text);
    if (at != text->npos && (*text)[at] != '\0')  // a NUL was refused before
        place.error_since(Checks::second,
                          "{} must be one line without control or invisible characters, got {}",
                          place.name, unseen_in_words(std::string_view{*text}.substr(at)));
    out = *text;
    place.out->data = out;
}

void read(Place place, bool& out) {
    if (place.describing()) return place.describe({{"type", string_value("boolean")}});
    const auto* text = place.scalar("true or false");
    if (text == nullptr) return;
    if (place.node->quoted || (*text != "true" && *text != "false"))
        return place.refuse("true or false");
    out = *text == "true";
    place.out->data = out;
}

void read(Place place, Seconds& out) { Duration{Seconds{0}}(place, out); }

void Duration::operator()(Place place, Seconds& out) const {
    constexpr auto kWanted = "whole seconds or a duration like 10m or 24h";
    if (place.describing())
        return place.describe(
            {{"type", {Value::List{string_value("integer"), string_value("string")}}},
             {"minimum", {std::int64_t{min.count()}}},
             {"pattern", string_value("^([0-9]+[dhms])+$|^[0-9]+$")}});
    const auto* text = place.scalar(kWanted);
    if (text == nullptr) return;
    const auto parsed = parse_duration(*text);
    if (!parsed) return place.refuse(kWanted);
    if (*parsed < min)
        return place.error("{} must be at least {}, got {}", place.name, format_duration(min),
                           shown(*text));
    out = *parsed;
    place.out->data = std::int64_t{out.count()};
}

void Integer::operator()(Place place, int& out) const {
    const auto wanted = max == Integer{}.max ? fmt::format("a whole number from {}", min)
                                             : fmt::format("{}..{}", min, max);
    if (place.describing())
        return place.describe({{"type", string_value("integer")},
                               {"minimum", {std::int64_t{min}}},
                               {"maximum", {std::int64_t{max}}}});
    const auto* text = place.scalar(wanted);
    if (text == nullptr) return;
    const auto number = place.node->quoted ? std::nullopt : to_integer(*text);
    if (!number || *number < min || *number > max) return place.refuse(wanted);
    out = static_cast<int>(*number);
    place.out->data = *number;
}

void Number::operator()(Place place, double& out) const {
    const auto wanted = fmt::format("a number {}..{}", min, max);
    if (place.describing())
        return place.describe(
            {{"type", string_value("number")}, {"minimum", {min}}, {"maximum", {max}}});
    const auto* text = place.scalar(wanted);
    if (text == nullptr) return;
    const auto number = place.node->quoted ? std::nullopt : to_number<double>(*text);
    if (!number || !std::isfinite(*number) || *number < min || *number > max)
        return place.refuse(wanted);
    out = *number;
    place.out->data = out;
}

void read(Place place, Amount& out) { Quantity{}(place, out); }

void Quantity::operator()(Place place, Amount& out) const {
    const auto wanted = fmt::format("a count from {0}, or a share from {0}% to 100%", min);
    if (place.describing())
        return place.describe(
            {{"type", {Value::List{string_value("integer"), string_value("string")}}},
             {"minimum", {std::int64_t{min}}},
             {"pattern", string_value(min > 0 ? "^[1-9][0-9]*%?$" : "^[0-9]+%?$")}});
    const auto* text = place.scalar(wanted);
    if (text == nullptr) return;
    const bool percent = text->ends_with('%');
    const auto number = to_integer(std::string_view(*text).substr(0, text->size() - percent));
    if (!number || *number < min || *number > (percent ? 100 : Integer{}.max))
        return place.refuse(wanted);
    out = Amount{static_cast<int>(*number), percent};
    place.out->data = percent ? Value{*text}.data : Value{*number}.data;
}

void read(Place place, Reference& out) {
    Text{"a name of a-z 0-9 . _ -", is_object_name, "^[a-z0-9][a-z0-9._-]{0,62}$"}(place, out.name);
    out.position = place.position();
}

void read(Place place, Value& out) {
    if (place.describing()) return place.describe({});
    out = plain_value(*place.node);
    *place.out = out;
}

void read_word(Place place, const std::vector<std::string_view>& words, std::size_t& index) {
    if (place.describing()) {
        Value::List all;
        for (const auto word : words) all.push_back(word_value(word));
        return place.describe({{"enum", {std::move(all)}}});
    }
    const auto wanted = words.size() == 1 ? std::string(words.front()) : "one of " + join(words);
    const auto* text = place.scalar(wanted);
    if (text == nullptr) return;
    const auto found = std::ranges::find(words, *text);
    if (found == words.end()) {
        return place.error("{} must be {}, got {}{}", place.name, wanted,
                           kind_in_words(*place.node),
                           words.size() == 1 ? "" : did_you_mean(*text, words));
    }
    index = static_cast<std::size_t>(found - words.begin());
    place.out->data = *text;
}

void Word::operator()(Place place, std::string& out) const {
    auto index = words.size();
    read_word(place, words, index);
    if (index < words.size()) out = words[index];
}

Fields::Fields(Place place) : place_{place} {
    if (!place.describing() && place.expect(Node::Kind::map, "a map of keys")) map_ = place.node;
}

const Node* Fields::find(std::string_view key) const {
    if (map_ == nullptr) return nullptr;
    const auto found = std::ranges::find(map_->keys, key, &Node::text);
    if (found == map_->keys.end()) return nullptr;
    return &map_->items[static_cast<std::size_t>(found - map_->keys.begin())];
}

Place Fields::at(std::string_view key) const {
    const auto* node = find(key);
    return node == nullptr ? place_ : Place{node, place_.report, key, place_.out};
}

void Fields::missing(std::string_view key, bool needed) const {
    if (needed && map_ != nullptr) place_.error("missing key '{}' in {}", key, place_.name);
}

void Fields::only_one_of(const std::vector<std::string_view>& keys, bool needed) const {
    if (map_ == nullptr) return;
    std::vector<std::string_view> found;
    for (const auto key : keys)
        if (given(key)) found.push_back(key);
    if (found.size() > 1)
        at(found[1]).error("{} and {} do not go together in {}", found[0], found[1], place_.name);
    if (found.empty() && needed) place_.error("{} needs one of {}", place_.name, join(keys));
}

void Fields::unknown(const Node& key) const {
    if (place_.report->full()) return;
    auto hint = did_you_mean(key.text, known_);
    if (hint.empty())
        hint = known_.empty() ? ", which takes none" : fmt::format("; known are {}", join(known_));
    place_.report->error(place_.report->position(key),
                         fmt::format("unknown key '{}'{} in {}{}", shown(key.text),
                                     odd_spaces_in(key.text), place_.name, hint));
}

void Fields::finish() {
    if (describing()) {
        Value::Map schema{{"type", string_value("object")},
                          {"properties", {std::move(written_)}},
                          {"patternProperties", {Value::Map{{"^x-", Value{Value::Map{}}}}}},
                          {"additionalProperties", {false}}};
        if (!required_.empty()) schema["required"] = {std::move(required_)};
        if (!choices_.empty()) schema["allOf"] = {std::move(choices_)};
        return place_.describe(std::move(schema));
    }
    if (map_ == nullptr) return;
    if (keys_known_)
        for (const auto& key : map_->keys)
            if (key.kind == Node::Kind::scalar && !key.text.starts_with("x-") &&
                std::ranges::find(known_, key.text) == known_.end())
                unknown(key);
    place_.out->data = std::move(written_);
}

void Fields::describe_field(std::string_view key, Value& schema, bool needed, Value fallback) {
    if (needed) required_.push_back(string_value(key));
    auto* map = std::get_if<Value::Map>(&schema.data);
    if (map == nullptr || fallback.is_null()) return;
    if (const auto* word = fallback.string(); word != nullptr && map->contains("enum"))
        fallback = word_value(*word);
    (*map)["default"] = std::move(fallback);
}

/// JSON Schema's way: every key of any branch is a property; `if` the choice is this one, `then`
/// these are its forms, those are needed, and the other branches' keys are not allowed.
void Fields::describe_choice(std::string_view key, std::string_view fallback,
                             std::vector<Branch> branches) {
    std::set<std::string> names;
    for (const auto& branch : branches)
        for (const auto& [name, unused] : branch.properties) names.insert(name);
    for (const auto& name : names) written_.try_emplace(name, Value{true});
    for (auto& branch : branches) {
        Value::Map then_properties = std::move(branch.properties);
        for (const auto& name : names) then_properties.try_emplace(name, Value{false});
        Value::Map wanted{
            {"properties",
             {Value::Map{{std::string(key), {Value::Map{{"const", word_value(branch.name)}}}}}}}};
        if (branch.name != fallback) wanted["required"] = {Value::List{string_value(key)}};
        Value::Map then{{"properties", {std::move(then_properties)}}};
        if (!branch.required.empty()) then["required"] = {std::move(branch.required)};
        choices_.push_back({Value::Map{{"if", {std::move(wanted)}}, {"then", {std::move(then)}}}});
    }
}

}  // namespace tidegate::config
