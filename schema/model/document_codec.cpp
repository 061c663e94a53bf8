#include "schema/model/document_codec.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "schema/base/limits.h"
#include "schema/model/document_parts.h"

namespace tidegate {
namespace {

using codec::parts;
using codec::Record;

/// How a place names its file.
enum class PlaceFile : std::uint8_t { none, same, other };

/// Numbers are LEB128, signed ones zigzag; texts and lists have their length first.
class Writer {
public:
    Writer(std::string_view path, std::string& out) : path_{path}, out_{out} {}

    void put(bool value) { out_ += static_cast<char>(value); }
    void put(int value) { put(std::int64_t{value}); }
    void put(std::int64_t value) {
        put_count(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
    }
    void put(double value) {
        const auto bits = std::bit_cast<std::uint64_t>(value);
        out_.append(reinterpret_cast<const char*>(&bits), sizeof bits);
    }
    void put(const std::string& value) {
        put_count(value.size());
        out_ += value;
    }
    template <class E>
    requires std::is_enum_v<E>
    void put(E value) { out_ += static_cast<char>(value); }
    template <class Unit>
    void put(std::chrono::duration<std::int64_t, Unit> value) {
        put(std::int64_t{value.count()});
    }
    void put(Timestamp value) { put(value.time_since_epoch()); }
    void put(std::chrono::year_month_day value) {
        put(std::int64_t{std::chrono::sys_days{value}.time_since_epoch().count()});
    }
    void put(const Position& value) {
        const auto file = value.file.empty()    ? PlaceFile::none
                          : value.file == path_ ? PlaceFile::same
                                                : PlaceFile::other;
        put(file);
        if (file == PlaceFile::other) put(value.file);
        put(value.line);
        put(value.column);
    }
    void put(std::monostate) {}
    void put(const Value& value) { put(value.data); }
    template <Record T>
    void put(const T& record) {
        std::apply([this](const auto&... part) { (this->put(part), ...); }, parts(record));
    }
    template <class T>
    void put(const std::optional<T>& value) {
        put(value.has_value());
        if (value) put(*value);
    }
    template <class T>
    void put(const std::shared_ptr<const T>& value) {
        put(value != nullptr);
        if (value) put(*value);
    }
    template <class... T>
    void put(const std::variant<T...>& value) {
        out_ += static_cast<char>(value.index());
        std::visit([this](const auto& held) { put(held); }, value);
    }
    template <class T>
    void put(const std::vector<T>& values) {
        put_all(values);
    }
    template <class T>
    void put(const std::set<T>& values) {
        put_all(values);
    }
    template <class T>
    void put(const std::map<std::string, T>& values) {
        put_count(values.size());
        for (const auto& [name, value] : values) {
            put(name);
            put(value);
        }
    }

private:
    void put_count(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
        out_ += static_cast<char>(value);
    }
    template <class List>
    void put_all(const List& values) {
        put_count(values.size());
        for (const auto& value : values) put(value);
    }

    std::string_view path_;
    std::string& out_;
};

/// Reads what Writer wrote. The first thing that cannot be ends it: `rest_` is empty from then on,
/// so every count reads as 0 and every loop ends.
class Reader {
public:
    Reader(std::string_view bytes, std::string_view path) : rest_{bytes}, path_{path} {}

    [[nodiscard]] bool whole() const { return good_ && rest_.empty(); }

    void get(bool& value) { value = get_choice(2) == 1; }
    void get(int& value) {
        std::int64_t wide = 0;
        get(wide);
        value = static_cast<int>(wide);
        if (value != wide) fail();
    }
    void get(std::int64_t& value) {
        const auto bits = get_count();
        value = static_cast<std::int64_t>(bits >> 1 ^ (~(bits & 1) + 1));
    }
    void get(double& value) {
        std::uint64_t bits = 0;
        const auto bytes = take(sizeof bits);
        if (bytes.size() == sizeof bits) std::memcpy(&bits, bytes.data(), sizeof bits);
        value = std::bit_cast<double>(bits);
    }
    void get(std::string& value) { value = take(get_count()); }
    template <NamedEnum E>
    void get(E& value) {
        value = static_cast<E>(get_choice(enum_names(E{}).size()));
    }
    void get(ErrorCode& value) {
        value = static_cast<ErrorCode>(get_choice(std::size_t(ErrorCode::internal) + 1));
    }
    template <class Unit>
    void get(std::chrono::duration<std::int64_t, Unit>& value) {
        std::int64_t count = 0;
        get(count);
        value = std::chrono::duration<std::int64_t, Unit>{count};
    }
    void get(Timestamp& value) {
        Milliseconds since{};
        get(since);
        value = Timestamp{since};
    }
    void get(std::chrono::year_month_day& value) {
        int days = 0;
        get(days);
        value = std::chrono::sys_days{std::chrono::days{days}};
    }
    void get(Position& value) {
        const auto file = static_cast<PlaceFile>(get_choice(3));
        if (file == PlaceFile::same) value.file = path_;
        if (file == PlaceFile::other) get(value.file);
        get(value.line);
        get(value.column);
    }
    void get(std::monostate&) {}
    void get(Value& value) {
        if (++depth_ > limits::kYamlDepthMax + 1) fail();
        get(value.data);
        --depth_;
    }
    template <Record T>
    void get(T& record) {
        std::apply([this](auto&... part) { (this->get(part), ...); }, parts(record));
    }
    template <class T>
    void get(std::optional<T>& value) {
        if (get_choice(2) == 1) get(value.emplace());
    }
    template <class T>
    void get(std::shared_ptr<const T>& value) {
        if (get_choice(2) == 0) return;
        auto fresh = std::make_shared<T>();
        get(*fresh);
        value = std::move(fresh);
    }
    template <class... T>
    void get(std::variant<T...>& value) {
        std::size_t index = get_choice(sizeof...(T));
        ((index-- == 0 ? get(value.template emplace<T>()) : void()), ...);
    }
    template <class T>
    void get(std::vector<T>& values) {
        for (auto left = get_length(); left > 0 && good_; --left) get(values.emplace_back());
    }
    template <class T>
    void get(std::set<T>& values) {
        for (auto left = get_length(); left > 0 && good_; --left) {
            T value{};
            get(value);
            values.insert(values.end(), std::move(value));
        }
    }
    template <class T>
    void get(std::map<std::string, T>& values) {
        for (auto left = get_length(); left > 0 && good_; --left) {
            std::string name;
            get(name);
            get(values.emplace_hint(values.end(), std::move(name), T{})->second);
        }
    }

private:
    void fail() {
        good_ = false;
        rest_ = {};
    }
    std::string_view take(std::uint64_t size) {
        if (size > rest_.size()) {
            fail();
            return {};
        }
        const auto bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return bytes;
    }
    /// One byte that is less than `options`.
    std::size_t get_choice(std::size_t options) {
        const auto byte = take(1);
        if (byte.empty()) return 0;
        const auto choice = static_cast<std::uint8_t>(byte.front());
        if (choice < options) return choice;
        fail();
        return 0;
    }
    std::uint64_t get_count() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const auto byte = take(1);
            if (byte.empty()) return 0;
            const auto bits = static_cast<std::uint8_t>(byte.front());
            value |= std::uint64_t{bits & 0x7Fu} << shift;
            if (bits < 0x80) return value;
        }
        fail();
        return 0;
    }
    /// Of a list: each item takes at least a byte.
    std::uint64_t get_length() {
        const auto length = get_count();
        if (length > rest_.size()) fail();
        return good_ ? length : 0;
    }

    std::string_view rest_;
    std::string_view path_;
    std::size_t depth_ = 0;  ///< of values in values
    bool good_ = true;
};

}  // namespace

void encode(const ParsedFile& file, std::string_view path, std::string& out) {
    Writer{path, out}.put(file);
}

std::optional<ParsedFile> decode_parsed_file(std::string_view bytes, std::string_view path) {
    ParsedFile file;
    Reader reader{bytes, path};
    reader.get(file);
    if (!reader.whole()) return std::nullopt;
    return file;
}

}  // namespace tidegate
