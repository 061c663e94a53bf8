#pragma once
/// A tree of plain data, as a YAML or JSON document holds it. Used where the schema keeps what the
/// user wrote (for digests, and for fields that this build does not act on yet).

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace tidegate {

/// Maps are sorted by key, so two trees that mean the same are equal and print the same.
struct Value {
    using List = std::vector<Value>;
    using Map = std::map<std::string, Value>;

    std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data;

    friend bool operator==(const Value&, const Value&) = default;

    [[nodiscard]] bool is_null() const { return data.index() == 0; }
    [[nodiscard]] const Map* map() const { return std::get_if<Map>(&data); }
    [[nodiscard]] const List* list() const { return std::get_if<List>(&data); }
    [[nodiscard]] const std::string* string() const { return std::get_if<std::string>(&data); }

    /// One line of JSON: keys sorted, no spaces, strings escaped as little as RFC 8259 allows.
    /// This text is hashed; it must never change for the same tree.
    [[nodiscard]] std::string canonical() const;
};

}  // namespace tidegate
