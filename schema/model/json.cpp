#include "schema/model/json.h"

#include <nlohmann/json.hpp>

#include "schema/model/json_fields.h"

namespace tidegate {
namespace {

using Json = nlohmann::json;

template <class T>
concept Record = requires(T& record) {
    fields(record, [](const char*, auto&) {});
};

Json encode(const std::string& value) { return value; }
Json encode(bool value) { return value; }
Json encode(int value) { return value; }
Json encode(std::uint64_t value) { return value; }
Json encode(Seconds value) { return value.count(); }
Json encode(Timestamp value) { return value.time_since_epoch().count(); }
Json encode(Lived value) { return value.time_since_epoch().count(); }
Json encode(const Digest& value) { return value.hex(); }
template <NamedEnum E>
Json encode(E value) {
    return std::string(to_string(value));
}
template <class T>
Json encode(const std::optional<T>& value);
template <class T>
Json encode(const std::vector<T>& values);
template <class T>
Json encode(const std::map<std::string, T>& values);
Json encode(const std::set<std::string>& values) { return values; }

/// What is empty is left out: it is what a missing field reads as.
bool says_nothing(const Json& value) {
    return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()) ||
           (value.is_structured() && value.empty());
}

template <Record T>
Json encode(const T& record) {
    Json out = Json::object();
    fields(record, [&](const char* name, const auto& value) {
        if (auto encoded = encode(value); !says_nothing(encoded)) out[name] = std::move(encoded);
    });
    return out;
}
template <class T>
Json encode(const std::optional<T>& value) {
    return value ? encode(*value) : Json();
}
template <class T>
Json encode(const std::vector<T>& values) {
    Json out = Json::array();
    for (const auto& value : values) out.push_back(encode(value));
    return out;
}
template <class T>
Json encode(const std::map<std::string, T>& values) {
    Json out = Json::object();
    for (const auto& [name, value] : values) out[name] = encode(value);
    return out;
}

bool decode(const Json& in, std::string& value) {
    if (!in.is_string()) return false;
    value = in.get_ref<const std::string&>();
    return true;
}
bool decode(const Json& in, bool& value) {
    if (!in.is_boolean()) return false;
    value = in.get<bool>();
    return true;
}
bool decode(const Json& in, int& value) {
    if (!in.is_number_integer()) return false;
    value = in.get<int>();
    return true;
}
bool decode(const Json& in, std::uint64_t& value) {
    if (!in.is_number_integer()) return false;
    value = in.get<std::uint64_t>();
    return true;
}
bool decode(const Json& in, Seconds& value) {
    if (!in.is_number_integer()) return false;
    value = Seconds(in.get<std::int64_t>());
    return true;
}
bool decode(const Json& in, Timestamp& value) {
    if (!in.is_number_integer()) return false;
    value = Timestamp(Milliseconds(in.get<std::int64_t>()));
    return true;
}
bool decode(const Json& in, Lived& value) {
    if (!in.is_number_integer()) return false;
    value = Lived(Milliseconds(in.get<std::int64_t>()));
    return true;
}
bool decode(const Json& in, Digest& value) {
    if (!in.is_string()) return false;
    auto digest = Digest::from_hex(in.get_ref<const std::string&>());
    if (digest) value = *digest;
    return digest.has_value();
}
template <NamedEnum E>
bool decode(const Json& in, E& value) {
    if (!in.is_string()) return false;
    const auto read = from_string<E>(in.get_ref<const std::string&>());
    if (read) value = *read;
    return read.has_value();
}
template <class T>
bool decode(const Json& in, std::optional<T>& value);
template <class T>
bool decode(const Json& in, std::vector<T>& values);
template <class T>
bool decode(const Json& in, std::map<std::string, T>& values);
bool decode(const Json& in, std::set<std::string>& values) {
    std::vector<std::string> list;
    const bool read = decode(in, list);
    values = {list.begin(), list.end()};
    return read;
}

template <Record T>
bool decode(const Json& in, T& record) {
    if (!in.is_object()) return false;
    bool ok = true;
    fields(record, [&](const char* name, auto& value) {
        if (const auto field = in.find(name); field != in.end()) ok = decode(*field, value) && ok;
    });
    return ok;
}
template <class T>
bool decode(const Json& in, std::optional<T>& value) {
    return decode(in, value.emplace());
}
template <class T>
bool decode(const Json& in, std::vector<T>& values) {
    if (!in.is_array()) return false;
    values.clear();
    for (const auto& item : in)
        if (!decode(item, values.emplace_back())) return false;
    return true;
}
template <class T>
bool decode(const Json& in, std::map<std::string, T>& values) {
    if (!in.is_object()) return false;
    values.clear();
    for (const auto& [name, item] : in.items())
        if (!decode(item, values[name])) return false;
    return true;
}

/// Text that is not UTF-8 (a script's output) is repaired, not refused.
template <class T>
std::string print(const T& record) {
    return encode(record).dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class T>
Result<T> read(std::string_view text, std::string_view what) {
    const auto in = Json::parse(text, nullptr, false);
    T record;
    if (in.is_discarded() || !decode(in, record))
        return fail(ErrorCode::invalid, "stored {} cannot be read: {}", what, text.substr(0, 200));
    return record;
}

}  // namespace

std::string to_json(const Release& release) { return print(release); }
std::string to_json(const ReleaseHead& release) { return print(release); }
std::string to_json(const Step& step) { return print(step); }
std::string to_json(const TargetProgress& progress) { return print(progress); }
std::string to_json(const OutboxEntry& entry) { return print(entry); }
std::string to_json(const Quarantine& quarantine) { return print(quarantine); }
std::string to_json(const Block& block) { return print(block); }
std::string to_json(const GoodState& good) { return print(good); }
std::string to_json(const OwnRevert& revert) { return print(revert); }
std::string to_json(const Sides& sides) { return print(sides); }
std::string to_json(const Route& route) { return print(route); }
std::string to_json(const Installation& installation) { return print(installation); }
std::string to_json(Lived lived) { return encode(lived).dump(); }
std::string to_json(const Action& action) { return print(action); }
std::string to_json(const ActionResult& result) { return print(result); }

Result<Release> release_from_json(std::string_view text) { return read<Release>(text, "release"); }
Result<Step> step_from_json(std::string_view text) { return read<Step>(text, "step"); }
Result<TargetProgress> target_progress_from_json(std::string_view text) {
    return read<TargetProgress>(text, "target result");
}
Result<OutboxEntry> outbox_entry_from_json(std::string_view text) {
    return read<OutboxEntry>(text, "action");
}
Result<Quarantine> quarantine_from_json(std::string_view text) {
    return read<Quarantine>(text, "quarantine");
}
Result<Block> block_from_json(std::string_view text) { return read<Block>(text, "block"); }
Result<GoodState> good_state_from_json(std::string_view text) {
    return read<GoodState>(text, "last good state");
}
Result<OwnRevert> own_revert_from_json(std::string_view text) {
    return read<OwnRevert>(text, "revert");
}
Result<Sides> sides_from_json(std::string_view text) { return read<Sides>(text, "sides"); }
Result<Route> route_from_json(std::string_view text) { return read<Route>(text, "route"); }
Result<Installation> installation_from_json(std::string_view text) {
    return read<Installation>(text, "installation");
}
Result<Lived> lived_from_json(std::string_view text) { return read<Lived>(text, "age"); }
Result<Action> action_from_json(std::string_view text) { return read<Action>(text, "action"); }
Result<ActionResult> action_result_from_json(std::string_view text) {
    return read<ActionResult>(text, "action result");
}

}  // namespace tidegate
