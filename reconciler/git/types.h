#pragma once
/// What the Git edge hands out and takes in: plain values, no libgit2. All text is valid UTF-8
/// (recoded where a commit names its encoding; bytes that are no text become U+FFFD), all ids are
/// 40 lower-case hexadecimal digits. Names of people are one line without control characters.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schema/base/time.h"

namespace tidegate::git {

/// A remote repository and how to be let in. Secrets stay in memory: they are never written to
/// the repository, a command line or an environment, and are sent over https and ssh only.
struct Remote {
    /// A plain path, `file://`, `https://`, `ssh://user@host[:port]/path` or `user@host:path`;
    /// `http://` for a loopback host only, and then without credentials.
    std::string url;
    std::string username;  ///< empty: that of the URL, else "oauth2" (https) or "git" (ssh)
    std::string password;  ///< password or token, for https
    /// GitProcess only: its first line is the password, read anew for each call.
    std::string password_file{};
    std::string ssh_key_file;  ///< private key, for ssh; Ed25519 or ECDSA (RSA fails, libssh2 1.10)
    std::string ssh_passphrase;
    std::string known_hosts_file;  ///< required for ssh; an unknown host is refused
    std::string ca_file;           ///< PEM; replaces the system's authorities; empty: the system's
};

/// What a fetch found.
struct Fetched {
    std::string tip;
    bool changed = false;  ///< false: the remote was only asked, nothing was downloaded
};

struct Person {
    std::string name;
    std::string email;
    friend auto operator<=>(const Person&, const Person&) = default;
};

/// `Key: value` of a message's last paragraph, in order (git-interpret-trailers).
struct Trailer {
    std::string key;
    std::string value;
    friend bool operator==(const Trailer&, const Trailer&) = default;
};

/// One change on the first-parent line.
struct Commit {
    std::string id;
    /// Empty for a root. The anchor, of a change that stands for a range (`off_line`, or once so
    /// and remembered: Repository::remember_anchor).
    std::string first_parent;
    std::vector<std::string> parents;
    Person author;
    Person committer;
    Timestamp committed_at;
    /// Cut at kCommitMessageBytesMax. Of its control characters line ends and tabs stay.
    std::string message;
    bool message_cut = false;  ///< then nobody knows its trailers
    /// Its author or committer cannot be read, and is "unknown"; its trailers are not believed.
    bool malformed = false;
    std::vector<Trailer> trailers;  ///< each value is one line
    /// "name <email>" of the authors and committers of every commit this change brings, sorted,
    /// each once: kAuthorsMax, those of the newest commits first. A merge brings all that its first
    /// parent does not reach; of more than kHistoryCommitsMax commits only so many are asked.
    std::vector<std::string> authors;
    /// The line does not pass through the commit that was asked from (a merge made the wrong way
    /// round), or a range was asked for: this one element stands for all of it. Design,
    /// section 4.2.
    bool off_line = false;
    friend bool operator==(const Commit&, const Commit&) = default;
};

/// By path, "name <email>" of the authors who changed it: kAuthorsMax, kMoreAuthors among them for
/// those beyond.
using FileAuthors = std::map<std::string, std::set<std::string>>;

/// What one commit of the first-parent line made of a file.
struct FileState {
    Commit commit;     ///< without its authors
    std::string blob;  ///< empty: no plain file is there any more
};

/// Which part of a tree is looked at: these names at its top, and all that is below them. Of what
/// stands beside them nothing is entered: each is one entry, the first kNeighboursMax of them.
/// Empty: the whole tree.
using Scope = std::vector<std::string>;

/// A folder is an entry only where it is not entered: nested deeper than kTreeDepthMax, or outside
/// the scope.
enum class EntryKind { file, executable, symlink, submodule, folder };

struct TreeEntry {
    std::string path;  ///< of a folder: with a slash at its end
    EntryKind kind = EntryKind::file;
    std::string blob;        ///< of a submodule: the commit it names; of a folder: its tree
    std::uint64_t size = 0;  ///< bytes; 0 for a submodule or folder
    friend bool operator==(const TreeEntry&, const TreeEntry&) = default;
};

/// A path that differs between two trees.
struct Change {
    std::string path;
    std::optional<TreeEntry> now;  ///< none: it was deleted
    friend bool operator==(const Change&, const Change&) = default;
};

struct Blob {
    std::string id;
    std::uint64_t size = 0;
    bool too_large = false;  ///< over kFileBytesMax: not read, `content` is empty
    std::string content;     ///< bytes as they are
    friend bool operator==(const Blob&, const Blob&) = default;
};

/// One file of a new commit. Its mode is kept; a new file is a plain one.
struct Edit {
    std::string path;
    std::optional<std::string> content;  ///< none: delete
};

struct NewCommit {
    std::string parent;  ///< the sole parent; everything not edited is as there
    std::vector<Edit> edits;
    std::string message;
    Person author;  ///< also the committer; its words as in names.h
    Timestamp at;
};

struct PushRequest {
    std::string commit;
    std::string ref;       ///< full name, `refs/heads/main`
    std::string expected;  ///< what the remote must hold now; empty: the ref must not exist
};

}  // namespace tidegate::git
