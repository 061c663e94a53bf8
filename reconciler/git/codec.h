#pragma once
/// Private to this folder: how the values of types.h look between the daemon and its Git child.
/// Both ends are always the same build, so there are no versions.

#include <nlohmann/json.hpp>

#include "reconciler/git/types.h"
#include "schema/base/result.h"

namespace nlohmann {

template <class T>
struct adl_serializer<std::optional<T>> {
    static void to_json(json& target, const std::optional<T>& value) {
        if (value)
            target = *value;
        else
            target = nullptr;
    }
    static void from_json(const json& source, std::optional<T>& value) {
        if (source.is_null())
            value.reset();
        else
            value = source.get<T>();
    }
};

template <>
struct adl_serializer<tidegate::Timestamp> {
    static void to_json(json& target, tidegate::Timestamp at) {
        target = at.time_since_epoch().count();
    }
    static void from_json(const json& source, tidegate::Timestamp& at) {
        at = tidegate::Timestamp{tidegate::Milliseconds{source.get<std::int64_t>()}};
    }
};

}  // namespace nlohmann

namespace tidegate::git {

using nlohmann::json;

/// A remote with its password in hand: what GitProcess made of `password_file`. Only this can be
/// sent, so that no call to a remote forgets that.
struct ReadyRemote : Remote {};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReadyRemote, url, username, password, ssh_key_file,
                                   ssh_passphrase, known_hosts_file, ca_file)
inline void from_json(const json& source, Remote& remote) { remote = source.get<ReadyRemote>(); }
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Fetched, tip, changed)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Person, name, email)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Trailer, key, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Commit, id, first_parent, parents, author, committer,
                                   committed_at, message, message_cut, malformed, trailers, authors,
                                   off_line)

// Entries and blobs come by ten thousands, so they go without names.
template <class... Parts>
json unnamed(Parts&&... parts) {
    json::array_t list;
    list.reserve(sizeof...(parts));
    (list.emplace_back(std::forward<Parts>(parts)), ...);
    return list;
}
inline void to_json(json& target, const TreeEntry& entry) {
    target = unnamed(entry.path, entry.kind, entry.blob, entry.size);
}
inline void from_json(const json& source, TreeEntry& entry) {
    source.at(0).get_to(entry.path);
    source.at(1).get_to(entry.kind);
    source.at(2).get_to(entry.blob);
    source.at(3).get_to(entry.size);
}
inline void to_json(json& target, const Blob& blob) {
    target = unnamed(blob.id, blob.size, blob.too_large,
                     json::binary({blob.content.begin(), blob.content.end()}));
}
inline void from_json(const json& source, Blob& blob) {
    source.at(0).get_to(blob.id);
    source.at(1).get_to(blob.size);
    source.at(2).get_to(blob.too_large);
    const auto& content = source.at(3).get_binary();
    blob.content.assign(content.begin(), content.end());
}

/// One of FileAuthors.
using AuthoredFile = std::pair<std::string, std::set<std::string>>;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Change, path, now)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Edit, path, content)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(NewCommit, parent, edits, message, author, at)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PushRequest, commit, ref, expected)

/// What the child is told before the first request.
struct Hello {
    std::string directory;
    std::size_t memory_bytes_max = 0;
    std::int64_t cpu_seconds_max = 0;
    std::size_t open_files_max = 0;
    std::string home;
    bool confined = true;                  ///< it reaches its folders and `credentials` alone
    std::vector<std::string> credentials;  ///< files that it may read beside them
    std::string former;                    ///< another folder of its own
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Hello, directory, memory_bytes_max, cpu_seconds_max,
                                   open_files_max, home, confined, credentials, former)

}  // namespace tidegate::git

namespace tidegate {

inline void to_json(nlohmann::json& target, const Error& error) {
    target = nlohmann::json{{"code", static_cast<int>(error.code)}, {"message", error.message}};
}
inline void from_json(const nlohmann::json& source, Error& error) {
    const auto code = source.at("code").get<int>();
    const bool known = code >= 0 && code <= static_cast<int>(ErrorCode::internal);
    error.code = known ? static_cast<ErrorCode>(code) : ErrorCode::internal;
    source.at("message").get_to(error.message);
}

}  // namespace tidegate
