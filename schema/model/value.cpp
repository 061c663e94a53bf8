#include "schema/model/value.h"

#include <fmt/core.h>

#include <utility>

namespace tidegate {
namespace {

void write_string(const std::string& text, std::string& out) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
    out += '"';
}

void write(const Value& value, std::string& out);

struct Writer {
    std::string& out;

    void operator()(std::monostate) const { out += "null"; }
    void operator()(bool value) const { out += value ? "true" : "false"; }
    void operator()(std::int64_t value) const { out += fmt::format("{}", value); }
    void operator()(double value) const { out += fmt::format("{}", value); }
    void operator()(const std::string& value) const { write_string(value, out); }
    void operator()(const Value::List& list) const {
        out += '[';
        for (bool first = true; const auto& item : list) {
            if (!std::exchange(first, false)) out += ',';
            write(item, out);
        }
        out += ']';
    }
    void operator()(const Value::Map& map) const {
        out += '{';
        for (bool first = true; const auto& [key, item] : map) {
            if (!std::exchange(first, false)) out += ',';
            write_string(key, out);
            out += ':';
            write(item, out);
        }
        out += '}';
    }
};

void write(const Value& value, std::string& out) { std::visit(Writer{out}, value.data); }

}  // namespace

std::string Value::canonical() const {
    std::string out;
    write(*this, out);
    return out;
}

}  // namespace tidegate
