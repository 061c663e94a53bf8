#include "cli/admin_client.h"

#include <pwd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "schema/files/file_descriptor.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

constexpr time_t kAdminAnswerTimeoutSeconds = 60;
constexpr std::size_t kAdminAnswerBytesMax = 64 << 20;  ///< 10,000 agents with all their facts

tl::unexpected<Error> away(const std::filesystem::path& path) {
    return fail(ErrorCode::unavailable, "no daemon answers at {}: {}", path.string(),
                std::strerror(errno));
}

Result<void> connect(int socket, const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto text = path.string();
    if (text.size() >= sizeof address.sun_path)
        return fail(ErrorCode::unavailable, "{} is too long for a socket's path", text);
    std::memcpy(address.sun_path, text.data(), text.size());
    const timeval patience{kAdminAnswerTimeoutSeconds, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return away(path);
    return {};
}

Result<void> send_all(int socket, std::string_view text, const std::filesystem::path& path) {
    while (!text.empty()) {
        const auto sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return away(path);
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

Result<std::string> receive_line(int socket, const std::filesystem::path& path) {
    std::string line;
    char buffer[16 * 1024];
    while (line.size() < kAdminAnswerBytesMax) {
        const auto got = ::recv(socket, buffer, sizeof buffer, 0);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return fail(ErrorCode::timeout, "the daemon at {} did not answer in {} s",
                        path.string(), kAdminAnswerTimeoutSeconds);
        if (got <= 0)
            return fail(ErrorCode::unavailable, "the daemon at {} hung up", path.string());
        line.append(buffer, static_cast<std::size_t>(got));
        if (line.back() == '\n') return line;
    }
    return fail(ErrorCode::exhausted, "the daemon's answer is larger than {} bytes",
                kAdminAnswerBytesMax);
}

ErrorCode code_from(const std::string& name) {
    using enum ErrorCode;
    for (const auto code : {invalid, not_found, conflict, unavailable, timeout, denied, exhausted})
        if (name == to_string(code)) return code;
    return internal;
}

}  // namespace

Result<json> ask_daemon(const std::filesystem::path& data_dir, const std::string& verb,
                        const json& arguments) {
    const auto path = data_dir / "run" / "admin.sock";
    const FileDescriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!socket.valid()) return away(path);
    CHECK(connect(socket.get(), path));
    const json request{{"verb", verb}, {"args", arguments}};
    CHECK(send_all(socket.get(),
                   request.dump(-1, ' ', false, json::error_handler_t::replace) + '\n', path));
    const auto answer = json::parse(TRY(receive_line(socket.get(), path)), nullptr, false);
    if (!answer.is_object())
        return fail(ErrorCode::internal, "{} does not speak JSON", path.string());
    if (answer.value("ok", false)) return answer.value("result", json::object());
    return fail(Error{code_from(answer.value("code", "")), answer.value("error", "refused"), {}});
}

std::string local_actor() {
    const auto* entry = ::getpwuid(::getuid());
    return entry != nullptr ? entry->pw_name : fmt::format("uid {}", ::getuid());
}

}  // namespace tidegate::cli
