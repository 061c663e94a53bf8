#include "reconciler/git/local_git.h"

#include <git2/sys/transport.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "reconciler/git/spawn.h"

namespace tidegate::git {
namespace {

struct LocalServer;

struct LocalStream {
    git_smart_subtransport_stream base{};  // first: libgit2 hands back a pointer to it
    LocalServer* owner = nullptr;
};

struct LocalServer {
    git_smart_subtransport base{};  // first, as above
    LocalStream stream;
    Spawned program;

    void stop() {
        if (program.pid < 0) return;
        auto ended = std::exchange(program, {});
        ended.socket.reset();
        while (::waitpid(ended.pid, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
};

int refuse(const char* what) {
    git_error_set_str(GIT_ERROR_NET, what);
    return -1;
}

int read_some(git_smart_subtransport_stream* stream, char* buffer, std::size_t size,
              std::size_t* count) {
    auto* local = reinterpret_cast<LocalStream*>(stream)->owner;
    ssize_t got = 0;
    do {
        got = ::recv(local->program.socket.get(), buffer, size, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return refuse("git cannot be read");
    *count = static_cast<std::size_t>(got);
    return 0;
}

int write_all(git_smart_subtransport_stream* stream, const char* buffer, std::size_t size) {
    auto* local = reinterpret_cast<LocalStream*>(stream)->owner;
    while (size > 0) {
        const auto sent = ::send(local->program.socket.get(), buffer, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return refuse("git ended early");
        buffer += sent;
        size -= static_cast<std::size_t>(sent);
    }
    return 0;
}

void free_stream(git_smart_subtransport_stream*) {}

std::vector<std::string> own_environment() {
    std::vector<std::string> variables;
    for (char** variable = environ; *variable; ++variable) {
        const std::string_view text{*variable};
        if (!text.starts_with("GIT_DIR=") && !text.starts_with("GIT_WORK_TREE=") &&
            !text.starts_with("GIT_OBJECT_DIRECTORY=") && !text.starts_with("GIT_QUARANTINE_PATH="))
            variables.emplace_back(text);
    }
    return variables;
}

int start(git_smart_subtransport_stream** stream, git_smart_subtransport* transport,
          const char* url, git_smart_service_t service) {
    auto* local = reinterpret_cast<LocalServer*>(transport);
    *stream = &local->stream.base;
    if (service == GIT_SERVICE_RECEIVEPACK || service == GIT_SERVICE_UPLOADPACK)
        return local->program.pid >= 0 ? 0 : refuse("git was not started");
    const auto* command = service == GIT_SERVICE_RECEIVEPACK_LS ? "receive-pack" : "upload-pack";
    const auto folder = local_folder(url);
    if (!folder) return refuse("not a local repository");
    auto program = spawn({{"git", command, *folder}, own_environment(), false, true});
    if (!program) return refuse(program.error().message.c_str());
    local->program = std::move(*program);
    return 0;
}

int stop(git_smart_subtransport* transport) {
    reinterpret_cast<LocalServer*>(transport)->stop();
    return 0;
}

void free_server(git_smart_subtransport* transport) {
    std::unique_ptr<LocalServer> local{reinterpret_cast<LocalServer*>(transport)};
    local->stop();
}

int make_local_server(git_smart_subtransport** transport, git_transport*, void*) {
    auto local = std::make_unique<LocalServer>();
    local->base.action = start;
    local->base.close = stop;
    local->base.free = free_server;
    local->stream.base.subtransport = &local->base;
    local->stream.base.read = read_some;
    local->stream.base.write = write_all;
    local->stream.base.free = free_stream;
    local->stream.owner = local.get();
    *transport = &local.release()->base;
    return 0;
}

std::string percent_decoded(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = 0;
        const auto* digits = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
            plain += static_cast<char>(byte);
            i += 2;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

}  // namespace

std::optional<std::string> local_folder(const std::string& url) {
    constexpr std::string_view kFile = "file://";
    if (url.starts_with(kFile)) {
        auto rest = std::string_view{url}.substr(kFile.size());
        if (rest.starts_with("localhost/")) rest.remove_prefix(std::strlen("localhost"));
        if (!rest.starts_with('/')) return std::nullopt;
        return percent_decoded(rest);
    }
    if (url.empty() || url.find("://") != std::string::npos) return std::nullopt;
    const auto colon = url.find(':');
    const bool is_path = colon == std::string::npos || url.find('/') < colon;
    if (!is_path) return std::nullopt;
    return std::filesystem::path{url}.is_absolute()
               ? url
               : (std::filesystem::current_path() / url).string();
}

int make_local_transport(git_transport** transport, git_remote* owner, void*) {
    static git_smart_subtransport_definition definition{make_local_server, 0, nullptr};
    return git_transport_smart(transport, owner, &definition);
}

}  // namespace tidegate::git
