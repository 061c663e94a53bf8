#pragma once
/// How a verb changes the config repo: one commit on top of the branch's tip, pushed fast-forward,
/// without a clone that anybody keeps. Who loses a race looks again once.

#include <functional>
#include <string>

#include "reconciler/git/repository.h"
#include "schema/model/names.h"

namespace tidegate::cli {

struct RemoteOptions {
    git::Remote remote;
    std::string token_file;  ///< its content becomes `remote.password`
    std::string branch = "main";
    std::string author;  ///< `Name <mail>`; empty = as git would
};

/// The tip that a change is made on.
struct Tip {
    const git::Repository& repository;
    std::string commit;
    std::string path;                 ///< of the version file
    std::optional<std::string> text;  ///< of it; none = there is no such file
};

struct FileChange {
    std::optional<std::string> text;  ///< none = nothing to do
    std::string subject;              ///< first line of the message; or why there is nothing to do
    std::vector<git::Trailer> trailers;
};

struct ChangeRequest {
    RemoteOptions where;
    AssignmentKey key;
    std::string reason;
    /// Says what to write; asked again after a lost race.
    std::function<Result<FileChange>(const Tip&)> edit;
    Timestamp now;
};

struct Written {
    std::string commit;  ///< empty = nothing to do
    std::string parent;
    std::string subject;
};

/// A change that would bring a new error into the tree is refused (`invalid`), whoever is behind
/// it. Errors of the remote are those of git::Repository.
[[nodiscard]] Result<Written> write_change(const ChangeRequest& request);

/// `Name <mail>`, else GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL, else what `git config` says.
[[nodiscard]] Result<git::Person> author_of(const std::string& text);

}  // namespace tidegate::cli
