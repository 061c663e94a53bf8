#include "cli/change.h"

#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "cli/documents.h"
#include "reconciler/git/names.h"
#include "reconciler/source/line_files.h"
#include "reconciler/timezone/zones.h"
#include "schema/base/utf8.h"
#include "schema/resolve/resolve.h"

namespace tidegate::cli {
namespace {

class TempFolder {
public:
    TempFolder() {
        auto pattern = (std::filesystem::temp_directory_path() / "tidegate-XXXXXX").string();
        if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    ~TempFolder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// What the user's own git says; empty where it says nothing.
std::string git_config(const char* command) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe{::popen(command, "r"), ::pclose};
    if (!pipe) return {};
    char buffer[512];
    std::string text;
    while (std::fgets(buffer, sizeof buffer, pipe.get()) != nullptr) text += buffer;
    text.erase(text.find_last_not_of("\r\n") + 1);
    return text;
}

std::string environment_or(const char* name, const char* command) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : git_config(command);
}

Result<git::Remote> remote_of(const RemoteOptions& options) {
    auto remote = options.remote;
    if (options.token_file.empty()) return remote;
    std::ifstream file{options.token_file};
    if (!std::getline(file, remote.password))
        return fail(ErrorCode::not_found, "cannot read a token from {}", options.token_file);
    return remote;
}

Result<Tip> look_at(const git::Repository& repository, const std::string& commit,
                    const std::string& path) {
    Tip tip{repository, commit, path, {}};
    for (const auto& entry : TRY(repository.tree(commit, source::DocumentReader::scope())))
        if (entry.path == path && entry.kind != git::EntryKind::symlink)
            tip.text = TRY(repository.blobs({entry.blob})).front().content;
    return tip;
}

/// Errors that the new text brings into the tree.
Result<void> check_effect(const Tip& tip, const std::string& text) {
    auto reader = reader_of(tip.repository);
    auto documents = TRY(reader.read(TRY(source::files_at(tip.repository, tip.commit))));
    const auto before = resolve(documents, find_zone, tip.commit).errors();
    documents[tip.path] = source::DocumentReader::read_text(tip.path, text);
    for (const auto& error : resolve(documents, find_zone, tip.commit).errors())
        if (std::ranges::find(before, error) == before.end())
            return fail(ErrorCode::invalid, "refused, for the result would not be valid: {}",
                        error.text());
    return {};
}

std::string message_of(const FileChange& change, const std::string& reason) {
    const auto line = one_line(reason);
    auto message = one_line(change.subject) + '\n';
    if (!line.empty()) message += '\n' + line + '\n';
    message += '\n';
    for (const auto& [key, value] : change.trailers)
        message += fmt::format("{}: {}\n", key, one_line(value));
    if (!line.empty()) message += fmt::format("Tidegate-Reason: {}\n", line);
    return message;
}

Result<Written> write_once(git::Repository& repository, const ChangeRequest& request,
                           const git::Remote& remote, const git::Person& author) {
    const auto& branch = request.where.branch;
    const auto commit = TRY(repository.fetch(remote, branch)).tip;
    const auto tip = TRY(look_at(repository, commit, version_path(request.key)));
    const auto change = TRY(request.edit(tip));
    if (!change.text || change.text == tip.text) return Written{{}, commit, change.subject};
    CHECK(check_effect(tip, *change.text));
    Written written{{}, commit, change.subject};
    written.commit = TRY(repository.create_commit({commit,
                                                   {{tip.path, change.text}},
                                                   message_of(change, request.reason),
                                                   author,
                                                   request.now}));
    CHECK(repository.push(remote, {written.commit, "refs/heads/" + branch, commit}));
    return written;
}

}  // namespace

Result<Written> write_change(const ChangeRequest& request) {
    const auto author = TRY(author_of(request.where.author));
    const auto remote = TRY(remote_of(request.where));
    const TempFolder folder;
    if (folder.path().empty())
        return fail(ErrorCode::unavailable, "cannot make a temporary folder");
    auto repository = TRY(git::Repository::open_or_init(folder.path() + "/git"));
    auto written = write_once(repository, request, remote, author);
    if (!written && written.error().code == ErrorCode::conflict)
        written = write_once(repository, request, remote, author);
    return written;
}

Result<git::Person> author_of(const std::string& text) {
    git::Person person;
    if (text.empty()) {
        person.name = environment_or("GIT_AUTHOR_NAME", "git config --get user.name 2>/dev/null");
        person.email =
            environment_or("GIT_AUTHOR_EMAIL", "git config --get user.email 2>/dev/null");
    } else if (const auto open = text.find(" <"); open != std::string::npos && text.back() == '>') {
        person.name = text.substr(0, open);
        person.email = text.substr(open + 2, text.size() - open - 3);
    }
    if (person.name.empty() || person.email.empty())
        return fail(ErrorCode::invalid,
                    "who is the author? Set user.name and user.email in git, or give "
                    "--author 'Name <mail>'");
    person.name = TRY(git::written_word(person.name));
    person.email = TRY(git::written_word(person.email));
    return person;
}

}  // namespace tidegate::cli
