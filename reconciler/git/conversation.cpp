#include "reconciler/git/conversation.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <system_error>

#include "reconciler/git/local_git.h"
#include "schema/base/limits.h"
#include "schema/base/utf8.h"

namespace tidegate::git {
namespace {

namespace fs = std::filesystem;

constexpr int kCredentialTriesMax = 2;
constexpr const char* kSystemAuthorities = "/etc/ssl/certs/ca-certificates.crt";

bool is_https(const Remote& remote) { return remote.url.starts_with("https://"); }
bool is_ssh(const Remote& remote) {
    return remote.url.starts_with("ssh://") ||
           (remote.url.find("://") == std::string::npos && !local_folder(remote.url));
}
bool is_loopback_http(const Remote& remote) {
    return std::ranges::any_of(std::array{"http://localhost", "http://127.0.0.1", "http://[::1]"},
                               [&](std::string_view prefix) {
                                   if (!remote.url.starts_with(prefix)) return false;
                                   const auto next = remote.url.substr(prefix.size(), 1);
                                   return next == ":" || next == "/";
                               });
}

Result<void> check_url(const Remote& remote) {
    if (remote.url.empty()) return fail(ErrorCode::invalid, "no URL is given");
    if (std::ranges::any_of(remote.url, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        return fail(ErrorCode::invalid, "the URL has control characters");
    if (const auto folder = local_folder(remote.url)) {
        std::error_code ignored;
        if (fs::is_directory(*folder, ignored)) return {};
        return fail(ErrorCode::unavailable, "there is no folder {}", to_utf8(*folder));
    }
    if (is_https(remote) || is_ssh(remote) || is_loopback_http(remote)) return {};
    return fail(ErrorCode::invalid,
                "must be a path, file://, https:// or ssh:// (http:// only on loopback)");
}

Result<void> trust_authorities(const Remote& remote) {
    static std::string trusted = kSystemAuthorities;
    const auto& wanted = remote.ca_file.empty() ? kSystemAuthorities : remote.ca_file;
    if (!is_https(remote) || wanted == trusted) return {};
    CHECK(checked(git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, wanted.c_str(), nullptr),
                  "certificates in " + wanted));
    trusted = wanted;
    return {};
}

Conversation& talk(void* payload) { return *static_cast<Conversation*>(payload); }

std::string user_name(const Conversation& conversation, const char* from_url,
                      const char* otherwise) {
    if (!conversation.remote.username.empty()) return conversation.remote.username;
    return from_url && *from_url ? from_url : otherwise;
}

int give_credentials(git_credential** credential, const char*, const char* user_from_url,
                     unsigned allowed, void* payload) {
    auto& conversation = talk(payload);
    const auto& remote = conversation.remote;
    if (allowed & GIT_CREDENTIAL_USERNAME)
        return git_credential_username_new(credential,
                                           user_name(conversation, user_from_url, "git").c_str());
    if (++conversation.credential_tries > kCredentialTriesMax)
        return conversation.refuse(ErrorCode::denied, "the credentials were not accepted");
    if ((allowed & GIT_CREDENTIAL_SSH_KEY) && !remote.ssh_key_file.empty())
        return git_credential_ssh_key_new(
            credential, user_name(conversation, user_from_url, "git").c_str(), nullptr,
            remote.ssh_key_file.c_str(), remote.ssh_passphrase.c_str());
    if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) && !remote.password.empty() &&
        is_https(remote))
        return git_credential_userpass_plaintext_new(
            credential, user_name(conversation, user_from_url, "oauth2").c_str(),
            remote.password.c_str());
    return conversation.refuse(ErrorCode::denied,
                               "the server asks for credentials that were not given");
}

int check_certificate(git_cert* certificate, int valid, const char* host, void* payload) {
    if (valid) return 0;
    const bool ssh = certificate->cert_type == GIT_CERT_HOSTKEY_LIBSSH2;
    return talk(payload).refuse(
        ErrorCode::denied, fmt::format("the {} of {} is not trusted",
                                       ssh ? "host key" : "certificate", host ? host : "the host"));
}

int tell_upload(unsigned, unsigned, std::size_t bytes, void* payload) {
    if (const auto& tell = talk(payload).progress) tell(bytes);
    return 0;
}

int bound_transfer(const git_indexer_progress* progress, void* payload) {
    if (const auto& tell = talk(payload).progress) tell(progress->received_bytes);
    if (progress->received_bytes <= limits::kFetchBytesMax &&
        progress->total_objects <= limits::kFetchObjectsMax)
        return 0;
    return talk(payload).refuse(ErrorCode::exhausted, "the remote sends too much");
}

int hear(const char* text, int length, void* payload) {
    auto& words = talk(payload).words;
    const auto room = limits::kGitRemoteWordsBytesMax - words.size();
    words.append(text, std::min(room, static_cast<std::size_t>(std::max(length, 0))));
    return 0;
}

int note_status(const char*, const char* status, void* payload) {
    if (status) talk(payload).status = status;
    return 0;
}

}  // namespace

KnownHosts::~KnownHosts() {
    if (folder_.empty()) return;
    if (home_)
        ::setenv("HOME", home_->c_str(), 1);
    else
        ::unsetenv("HOME");
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

Result<void> KnownHosts::set(const std::string& file, const std::string& folder) {
    if (file.empty()) return fail(ErrorCode::denied, "ssh needs a known_hosts file");
    std::error_code error;
    const auto source = fs::canonical(file, error);
    if (error) return fail(ErrorCode::denied, "known_hosts {}: {}", file, error.message());
    auto name = (fs::temp_directory_path(error) / "tidegate-ssh-XXXXXX").string();
    if (folder.empty() && !::mkdtemp(name.data()))
        return fail(ErrorCode::unavailable, "cannot make a temporary folder");
    folder_ = folder.empty() ? name : folder;
    if (const char* home = std::getenv("HOME")) home_ = home;
    fs::create_directories(folder_ / ".ssh", error);
    fs::remove(folder_ / ".ssh/known_hosts", error);
    fs::create_symlink(source, folder_ / ".ssh/known_hosts", error);
    if (error) return fail(ErrorCode::unavailable, "known_hosts: {}", error.message());
    ::setenv("HOME", folder_.c_str(), 1);
    return {};
}

Error remote_error(const Conversation& conversation, int code) {
    if (conversation.refusal) return *conversation.refusal;
    auto error = checked(code, "git").error();
    const auto has = [&](std::string_view part) {
        return error.message.find(part) != std::string::npos;
    };
    if (has("status code: 401") || has("status code: 403") || has("authenticat"))
        error.code = ErrorCode::denied;
    else if (error.code == ErrorCode::not_found)
        error.code = ErrorCode::unavailable;
    const auto& url = conversation.remote.url;
    if (const auto at = error.message.find(url); at != std::string::npos)
        error.message.replace(at, url.size(), display_url(url));
    return error;
}

Result<std::unique_ptr<Conversation>> connect(Repository::State& state, const Remote& remote,
                                              Purpose purpose) {
    CHECK(check_url(remote));
    auto conversation = std::make_unique<Conversation>(remote, state.progress);
    if (is_ssh(remote))
        CHECK(conversation->known_hosts.set(remote.known_hosts_file, state.ssh_folder));
    CHECK(trust_authorities(remote));
    auto& callbacks = conversation->callbacks;
    callbacks.payload = conversation.get();
    callbacks.credentials = give_credentials;
    callbacks.certificate_check = check_certificate;
    callbacks.transfer_progress = bound_transfer;
    callbacks.push_transfer_progress = tell_upload;
    callbacks.sideband_progress = hear;
    callbacks.push_update_reference = note_status;
    if (purpose != Purpose::ask && local_folder(remote.url))
        callbacks.transport = make_local_transport;
    // Rewriting URLs is not only unwanted: libgit2 1.5 loses 20 kB for each setting it tries.
    git_remote_create_options creation = GIT_REMOTE_CREATE_OPTIONS_INIT;
    creation.repository = state.get();
    creation.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
    CHECK(checked(
        git_remote_create_with_opts(out(conversation->handle), remote.url.c_str(), &creation),
        "malformed URL"));
    git_remote_connect_options options = GIT_REMOTE_CONNECT_OPTIONS_INIT;
    options.callbacks = callbacks;
    options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    const auto direction = purpose == Purpose::upload ? GIT_DIRECTION_PUSH : GIT_DIRECTION_FETCH;
    const int code = git_remote_connect_ext(conversation->handle.get(), direction, &options);
    if (code >= 0) return conversation;
    auto refused = remote_error(*conversation, code);
    // libgit2 reads what the tags of a local remote point to, and one of them is enough for it to
    // refuse the whole.
    if (purpose == Purpose::ask && local_folder(remote.url))
        if (auto by_git = connect(state, remote, Purpose::download)) return by_git;
    return fail(std::move(refused));
}

namespace {

Result<std::span<const git_remote_head*>> remote_heads(const Conversation& conversation) {
    const git_remote_head** heads = nullptr;
    std::size_t count = 0;
    const int code = git_remote_ls(&heads, &count, conversation.handle.get());
    if (code < 0) return fail(remote_error(conversation, code));
    if (count > limits::kGitRefsMax)
        return fail(ErrorCode::exhausted, "the remote has more than {} refs", limits::kGitRefsMax);
    return std::span{heads, count};
}

}  // namespace

Result<std::string> remote_ref(const Conversation& conversation, const std::string& name) {
    for (const auto* head : TRY(remote_heads(conversation)))
        if (name == head->name) return to_text(head->oid);
    return std::string{};
}

Result<std::string> some_branches(const Conversation& conversation) {
    constexpr std::string_view kBranches = "refs/heads/";
    constexpr std::size_t kNamed = 10;
    std::string text;
    std::size_t count = 0;
    for (const auto* head : TRY(remote_heads(conversation))) {
        const std::string_view name{head->name};
        int valid = 0;
        git_reference_name_is_valid(&valid, head->name);
        if (!valid || !name.starts_with(kBranches) || ++count > kNamed) continue;
        text += (text.empty() ? "" : ", ") + to_utf8(name.substr(kBranches.size()));
    }
    if (count > kNamed) text += fmt::format(" and {} more", count - kNamed);
    return text;
}

std::string display_url(std::string_view url) {
    const auto scheme = url.find("://");
    if (scheme == std::string_view::npos) return std::string{url};
    const auto host = scheme + 3;
    const auto at = url.substr(host, url.find('/', host) - host).rfind('@');
    if (at == std::string_view::npos) return std::string{url};
    return std::string{url.substr(0, host)} + std::string{url.substr(host + at + 1)};
}

}  // namespace tidegate::git
