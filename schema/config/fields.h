#pragma once
/// How a document is read: by rules that are applied to places. One description serves twice: with
/// a node it reads (and reports every error), without one it writes the JSON Schema of what may
/// stand there. So a reader looks like this:
///
///     void read(Place place, CanaryStep& out) {
///         Fields fields{place};
///         fields.optional("percent", out.percent, Integer{0, 100});
///         fields.optional("verify_duration", out.verify_duration);
///         fields.finish();
///     }
///
/// A rule is anything callable as `rule(Place, T&)`; without one, `read(Place, T&)` is used.
/// Everything that is read is also written to `Place::out` as it was given, normalised (durations
/// in seconds, scalars by the schema's type, `x-` keys left out): what digests hash.
/// Private to schema/config.

#include <fmt/core.h>

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "schema/base/enum_names.h"
#include "schema/base/time.h"
#include "schema/config/layout.h"
#include "schema/config/yaml_tree.h"
#include "schema/model/checks.h"
#include "schema/model/documents.h"

namespace tidegate::config {

/// The errors and warnings of one file.
class Report {
public:
    Report(std::string_view file, DocumentPath path, Checks checks)
        : file_{file}, path_{std::move(path)}, checks_{checks} {}

    [[nodiscard]] const DocumentPath& path() const { return path_; }
    [[nodiscard]] Position position(const Node& node) const {
        return {file_, node.line, node.column};
    }
    void error(Position at, std::string message);
    void warning(Position at, std::string message);
    /// An error for commits that are judged by these checks or newer ones, else a warning.
    void error_since(Checks since, Position at, std::string message);
    [[nodiscard]] bool full() const;
    /// From here on every error is one since these checks; returns what was said before.
    Checks judge_since(Checks since) { return std::exchange(since_, since); }

    std::vector<Error> errors;
    std::vector<Error> warnings;

private:
    std::string file_;
    DocumentPath path_;
    Checks checks_;
    Checks since_ = Checks::first;
};

/// Text of the user for a message: one line, bounded.
[[nodiscard]] std::string shown(std::string_view text);
/// A scalar by YAML 1.2's core schema, lists and maps of such.
[[nodiscard]] Value plain_value(const Node& node);

/// One value of a document that is being read, or (node == null) described.
struct Place {
    const Node* node = nullptr;
    Report* report = nullptr;
    std::string_view name;  ///< the key it stands under; for messages
    Value* out = nullptr;   ///< reading: what was given, normalised; describing: its JSON Schema

    [[nodiscard]] bool describing() const { return node == nullptr; }
    [[nodiscard]] Position position() const {
        return describing() ? Position{} : report->position(*node);
    }
    [[nodiscard]] Place child(const Node* at, Value& into) const {
        return {at, report, name, &into};
    }

    template <class... Args>
    void error(fmt::format_string<Args...> format, Args&&... args) const {
        report->error(position(), fmt::format(format, std::forward<Args>(args)...));
    }
    template <class... Args>
    void error_since(Checks since, fmt::format_string<Args...> format, Args&&... args) const {
        report->error_since(since, position(), fmt::format(format, std::forward<Args>(args)...));
    }
    /// "<name> must be <wanted>, got <what stands here>".
    void refuse(std::string_view wanted, bool secret = false) const;
    /// The text of a scalar, plain or quoted; else refuses and gives null.
    [[nodiscard]] const std::string* scalar(std::string_view wanted) const;
    /// Whether a list, a map stands here; else refuses.
    [[nodiscard]] bool expect(Node::Kind kind, std::string_view wanted) const;
    void describe(Value::Map schema) const { out->data = std::move(schema); }
};

inline constexpr auto kEndless = std::numeric_limits<std::size_t>::max();  ///< no maximum

// Rules for plain types.
void read(Place place, std::string& out);  ///< any scalar, as its text, of several lines or not
void read(Place place, bool& out);         ///< true and false alone, unquoted
void read(Place place, Seconds& out);      ///< whole seconds, or `10m`
void read(Place place, Amount& out);       ///< as Quantity says
void read(Place place, Reference& out);    ///< an object name
void read(Place place, Value& out);        ///< anything

/// A whole number.
struct Integer {
    int min = 0;
    int max = 1'000'000;
    void operator()(Place place, int& out) const;
};
/// A count, or a share like `25%`.
struct Quantity {
    int min = 1;
    void operator()(Place place, Amount& out) const;
};
/// Any finite number.
struct Number {
    double min = 0;
    double max = 1e9;
    void operator()(Place place, double& out) const;
};
/// A duration with a least value.
struct Duration {
    Seconds min{1};
    void operator()(Place place, Seconds& out) const;
};
/// Text of a certain form.
struct Text {
    std::string_view wanted;          ///< in words, after "must be"
    bool (*valid)(std::string_view);  ///< null: any
    std::string_view pattern = {};    ///< for the JSON Schema; may be laxer than `valid`
    bool secret = false;              ///< its text never goes into messages
    std::size_t bytes_max = kEndless;
    /// Whether it may have several lines (scripts, descriptions). Else what nobody sees
    /// (find_unseen) is an error since Checks::second: it breaks the lines of logs, tables and
    /// commit messages, or makes two names look like one.
    bool lines = false;
    void operator()(Place place, std::string& out) const;
};
/// One of a few words.
struct Word {
    std::vector<std::string_view> words;
    void operator()(Place place, std::string& out) const;
};

/// For what is checked but kept only as written.
struct Nothing {};

struct Plain {
    template <class T>
    void operator()(Place place, T& out) const {
        read(place, out);
    }
};

void read_word(Place place, const std::vector<std::string_view>& words, std::size_t& index);

template <NamedEnum E>
void read(Place place, E& out) {
    constexpr auto names = enum_names(E{});
    auto index = names.size();
    read_word(place, {names.begin(), names.end()}, index);
    if (index < names.size()) out = static_cast<E>(index);
}

/// A list whose items follow one rule; into a vector or a set.
template <class Rule = Plain>
struct ListOf {
    Rule rule{};
    std::size_t min = 0;
    std::size_t max = kEndless;

    template <class List>
    void operator()(Place place, List& out) const {
        if (place.describing()) {
            typename List::value_type item{};
            Value schema;
            rule(place.child(nullptr, schema), item);
            Value::Map self{{"type", {"array"}}, {"items", std::move(schema)}};
            if (min > 0) self["minItems"] = {static_cast<std::int64_t>(min)};
            if (max < kEndless) self["maxItems"] = {static_cast<std::int64_t>(max)};
            return place.describe(std::move(self));
        }
        if (!place.expect(Node::Kind::list, "a list")) return;
        const auto& items = place.node->items;
        if (items.size() < min) place.error("{} must not be empty", place.name);
        if (items.size() > max)
            return place.error("{} must hold at most {} items, got {}", place.name, max,
                               items.size());
        auto& written = place.out->data.template emplace<Value::List>(items.size());
        for (std::size_t i = 0; i < items.size(); ++i) {
            typename List::value_type item{};
            rule(place.child(&items[i], written[i]), item);
            out.insert(out.end(), std::move(item));
        }
    }
};
template <class Rule>
ListOf(Rule) -> ListOf<Rule>;
template <class Rule>
ListOf(Rule, std::size_t) -> ListOf<Rule>;
template <class Rule>
ListOf(Rule, std::size_t, std::size_t) -> ListOf<Rule>;

template <class T>
void read(Place place, std::vector<T>& out) {
    ListOf<>{}(place, out);
}

/// A map with free keys of one form.
template <class Rule = Plain>
struct MapOf {
    Text key;
    Rule rule{};

    template <class T>
    void operator()(Place place, std::map<std::string, T>& out) const {
        if (place.describing()) {
            T item{};
            Value schema;
            rule(place.child(nullptr, schema), item);
            Value::Map self{{"type", {"object"}}};
            Value::Map patterns{{"^x-", Value{Value::Map{}}}};
            patterns[std::string(key.pattern)] = std::move(schema);
            self["patternProperties"] = {std::move(patterns)};
            self["additionalProperties"] = {false};
            return place.describe(std::move(self));
        }
        if (!place.expect(Node::Kind::map, "a map")) return;
        auto& written = place.out->data.template emplace<Value::Map>();
        for (std::size_t i = 0; i < place.node->keys.size(); ++i) {
            const auto& name = place.node->keys[i];
            if (name.kind != Node::Kind::scalar || name.text.starts_with("x-")) continue;
            Value ignored;
            std::string checked;
            key(Place{&name, place.report, "a key", &ignored}, checked);
            rule(Place{&place.node->items[i], place.report, name.text, &written[name.text]},
                 out[name.text]);
        }
    }
};
template <class Rule>
MapOf(Text, Rule) -> MapOf<Rule>;
MapOf(Text)->MapOf<Plain>;

/// What the schema publishes as a key's default; null = nothing.
template <class T>
Value default_of(const T& value) {
    if constexpr (std::is_same_v<T, bool>)
        return {value};
    else if constexpr (std::is_same_v<T, int>)
        return {std::int64_t{value}};
    else if constexpr (std::is_same_v<T, Seconds>)
        return {std::int64_t{value.count()}};
    else if constexpr (NamedEnum<T>)
        return {std::string(to_string(value))};
    else if constexpr (std::is_same_v<T, std::string>)
        return value.empty() ? Value{} : Value{value};
    else
        return {};
}

/// The keys of one map. Every key that is not named before finish() is an error.
class Fields {
public:
    explicit Fields(Place place);

    template <class T, class Rule = Plain>
    void required(std::string_view key, T& out, const Rule& rule = {}) {
        field(key, out, rule, true, {});
    }
    template <class T, class Rule = Plain>
    void optional(std::string_view key, T& out, const Rule& rule = {}) {
        field(key, out, rule, false, default_of(out));
    }
    /// A key that is checked and kept only in what is written.
    template <class T, class Rule = Plain>
    void checked(std::string_view key, const Rule& rule = {}) {
        T unused{};
        field(key, unused, rule, false, {});
    }
    template <class T, class Rule = Plain>
    void checked_required(std::string_view key, const Rule& rule = {}) {
        T unused{};
        field(key, unused, rule, true, {});
    }

    /// A key whose value decides which other keys there are: `then(Fields&, value)` names those.
    /// Without `needed` the key may be left out and `out` is as it comes.
    template <NamedEnum E, class Then>
    void choose(std::string_view key, E& out, bool needed, const Then& then) {
        if (describing()) {
            field(key, out, Plain{}, needed, needed ? Value{} : default_of(out));
            std::vector<Branch> branches;
            for (const auto name : enum_names(E{})) {
                Fields branch{place_};
                then(branch, *from_string<E>(name));
                branches.push_back({name, std::move(branch.written_), std::move(branch.required_)});
            }
            return describe_choice(key, needed ? "" : to_string(out), std::move(branches));
        }
        const auto errors = place_.report->errors.size();
        field(key, out, Plain{}, needed, {});
        if (place_.report->errors.size() == errors && map_ != nullptr)
            then(*this, out);
        else
            keys_known_ = false;  // what else may stand here nobody can say
    }

    [[nodiscard]] bool describing() const { return place_.describing(); }
    /// Whether the document has this key; false while describing.
    [[nodiscard]] bool given(std::string_view key) const { return find(key) != nullptr; }
    /// The place of a key's value, or of the whole map.
    [[nodiscard]] Place at(std::string_view key) const;
    /// An error unless at most (or, with `needed`, exactly) one of the keys is there.
    void only_one_of(const std::vector<std::string_view>& keys, bool needed) const;
    void finish();

private:
    struct Branch {
        std::string_view name;
        Value::Map properties;
        Value::List required;
    };

    template <class T, class Rule>
    void field(std::string_view key, T& out, const Rule& rule, bool needed, Value fallback) {
        known_.push_back(key);
        const auto* node = find(key);
        if (node == nullptr && !describing()) return missing(key, needed);
        auto& written = written_[std::string(key)];
        apply(rule, Place{node, place_.report, key, &written}, out);
        if (describing()) describe_field(key, written, needed, std::move(fallback));
    }
    template <class Rule, class T>
    static void apply(const Rule& rule, Place place, T& out) {
        rule(place, out);
    }
    template <class Rule, class T>
    static void apply(const Rule& rule, Place place, std::optional<T>& out) {
        rule(place, out.emplace());
    }

    [[nodiscard]] const Node* find(std::string_view key) const;
    void missing(std::string_view key, bool needed) const;
    void unknown(const Node& key) const;
    void describe_field(std::string_view key, Value& schema, bool needed, Value fallback);
    void describe_choice(std::string_view key, std::string_view fallback,
                         std::vector<Branch> branches);

    Place place_;
    const Node* map_ = nullptr;  ///< null while describing, and where no map stands
    bool keys_known_ = true;
    std::vector<std::string_view> known_;
    Value::Map written_;    ///< describing: the properties
    Value::List required_;  ///< describing
    Value::List choices_;   ///< describing
};

/// A map whose keys `fill(Fields&)` names.
template <class Fill>
struct Object {
    Fill fill;
    template <class T>
    void operator()(Place place, T&) const {
        Fields fields{place};
        fill(fields);
        fields.finish();
    }
};
template <class Fill>
Object(Fill) -> Object<Fill>;

/// Keeps what another rule read, as written.
template <class Rule>
struct AsWritten {
    Rule rule;
    void operator()(Place place, Value& out) const {
        Nothing unused;
        rule(place, unused);
        if (!place.describing()) out = *place.out;
    }
};
template <class Rule>
AsWritten(Rule) -> AsWritten<Rule>;

/// A rule by which older checks only warn, whatever it finds.
template <class Rule>
struct CheckedSince {
    Checks since;
    Rule rule;
    template <class T>
    void operator()(Place place, T& out) const {
        if (place.describing()) return rule(place, out);
        const auto before = place.report->judge_since(since);
        rule(place, out);
        place.report->judge_since(before);
    }
};
template <class Rule>
CheckedSince(Checks, Rule) -> CheckedSince<Rule>;

/// A short form (a scalar) or a long one (a map).
template <class Short, class Long>
void read_short_or_long(Place place, const Short& short_form, const Long& long_form) {
    if (place.describing()) {
        Value::List forms(2);
        short_form(place.child(nullptr, forms[0]));
        long_form(place.child(nullptr, forms[1]));
        return place.describe({{"anyOf", Value{std::move(forms)}}});
    }
    if (place.node->kind == Node::Kind::map)
        long_form(place);
    else
        short_form(place);
}

}  // namespace tidegate::config
