#include "agent/routers/haproxy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>

#include "agent/routers/runtime_socket.h"
#include "schema/files/file_descriptor.h"
#include "schema/files/read_file.h"

namespace tidegate::agent {
namespace {

constexpr std::size_t kNameBytesMax = 128;
constexpr std::size_t kStateBytesMax = 16 * 1024 * 1024;

// srv_admin_state (management guide 9.3; SRV_ADMF_MAINT and _DRAIN): `disabled` in the
// configuration alone, which 0x04 remembers, a person may have lifted.
constexpr int kMaintenance = 0x63;
constexpr int kDrained = 0x18;
// srv_op_state: stopped, starting, running, stopping.
constexpr int kStarting = 1;
constexpr int kRunning = 2;

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \r\n") - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find(separator, at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

int number(std::string_view text) {
    int value = -1;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// Rows under a line `# first second …`, in any order of columns.
class Table {
public:
    Table(std::string_view text, std::string_view first_column, char separator) {
        for (const auto line : split(text, '\n')) {
            const auto columns = split(line, separator);
            if (line.starts_with(fmt::format("# {}", first_column)))
                names_ = split(line.substr(2), separator);
            else if (!names_.empty() && columns.size() + 1 >= names_.size() && columns.size() > 1)
                rows_.push_back(columns);
            else if (!rows_.empty())
                break;
        }
    }
    [[nodiscard]] std::size_t size() const { return rows_.size(); }
    [[nodiscard]] std::string_view at(std::size_t row, std::string_view column) const {
        const auto found = std::ranges::find(names_, column);
        const auto place = static_cast<std::size_t>(found - names_.begin());
        return place < rows_[row].size() ? rows_[row][place] : std::string_view{};
    }

private:
    std::vector<std::string_view> names_;
    std::vector<std::vector<std::string_view>> rows_;
};

/// Of one backend in `show servers state`.
std::vector<HaproxyServer> servers_in(std::string_view text, const std::string& backend) {
    const Table table{text, "be_id", ' '};
    std::vector<HaproxyServer> servers;
    for (std::size_t row = 0; row < table.size(); ++row) {
        if (table.at(row, "be_name") != backend) continue;
        HaproxyServer server;
        server.name = table.at(row, "srv_name");
        server.weight = number(table.at(row, "srv_uweight"));
        const auto admin = number(table.at(row, "srv_admin_state"));
        server.maintenance = (admin & (kMaintenance | kDrained)) != 0;
        const auto state = number(table.at(row, "srv_op_state"));
        server.up = state == kStarting || state == kRunning;
        servers.push_back(std::move(server));
    }
    return servers;
}

/// From `show stat`.
void add_sessions(std::string_view text, std::vector<HaproxyServer>& servers) {
    const Table table{text, "pxname", ','};
    for (std::size_t row = 0; row < table.size(); ++row)
        for (auto& server : servers)
            if (server.name == table.at(row, "svname"))
                server.sessions = std::max(0, number(table.at(row, "scur")));
}

const HaproxyServer* find(const std::vector<HaproxyServer>& servers, const std::string& name) {
    const auto found = std::ranges::find(servers, name, &HaproxyServer::name);
    return found == servers.end() ? nullptr : &*found;
}

bool in_force(const std::vector<HaproxyServer>& there, const Weights& wanted) {
    return std::ranges::all_of(wanted, [&](const auto& each) {
        const auto* server = find(there, each.first);
        return server != nullptr && server->weight == each.second;
    });
}

Result<void> write_anew(const std::string& path, std::string_view text) {
    const auto fresh = path + ".new";
    const auto wrong = [&] {
        return fail(ErrorCode::unavailable, "{}: {}", path, std::strerror(errno));
    };
    ::unlink(fresh.c_str());
    const FileDescriptor file{
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644)};
    if (!file.valid()) return wrong();
    while (!text.empty()) {
        const auto written = ::write(file.get(), text.data(), text.size());
        if (written < 0) return wrong();
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(file.get()) != 0 || std::rename(fresh.c_str(), path.c_str()) != 0) return wrong();
    return {};
}

}  // namespace

bool is_haproxy_name(std::string_view name) {
    return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == ':' || c == '-';
    });
}

Result<Haproxy> Haproxy::open(const RouterRules& rules, HaproxyBackend backend) {
    const auto& [socket, name, state_file] = backend;
    if (!is_haproxy_name(name))
        return fail(ErrorCode::invalid, "a backend must be named by A-Z a-z 0-9 _ . : -");
    const auto denied = [](const char* what, const std::string& which) {
        return fail(ErrorCode::denied, "agent.yaml does not list '{}' in routers.{}", which, what);
    };
    if (!rules.sockets.contains(socket)) return denied("sockets", socket);
    if (!rules.backends.contains(name)) return denied("backends", name);
    if (!state_file.empty() && !rules.state_files.contains(state_file))
        return denied("state_files", state_file);
    return Haproxy{std::move(backend)};
}

Result<std::string> Haproxy::ask(std::string_view line) const {
    return ask_runtime(backend_.socket, line, kTimeout);
}

Result<std::vector<HaproxyServer>> Haproxy::look() const {
    const auto& name = backend_.name;
    const auto text = TRY(ask(fmt::format("show servers state {}; show stat {} 4 -1", name, name)));
    auto servers = servers_in(text, name);
    if (!servers.empty()) {
        add_sessions(text, servers);
        return servers;
    }
    return fail(ErrorCode::not_found, "haproxy at {}: backend {}: {}", backend_.socket, name,
                text.find("# be_id") == std::string::npos ? trimmed(split(text, '\n').front())
                                                          : "it has no servers");
}

Result<void> Haproxy::check_words(const Weights& wanted) const {
    for (const auto& [name, weight] : wanted) {
        if (!is_haproxy_name(name))
            return fail(ErrorCode::invalid, "a server must be named by A-Z a-z 0-9 _ . : -");
        if (weight < 0 || weight > kWeightMax)
            return fail(ErrorCode::invalid, "the weight of {}/{} must be 0..{}, got {}",
                        backend_.name, name, kWeightMax, weight);
    }
    return {};
}

/// Why it would take no traffic.
Result<void> Haproxy::fitness(const HaproxyServer* server, const std::string& name) const {
    if (server == nullptr)
        return fail(ErrorCode::not_found, "haproxy at {}: server {} is not in backend {}",
                    backend_.socket, name, backend_.name);
    if (server->maintenance)
        return fail(ErrorCode::conflict,
                    "haproxy at {}: {}/{} is in maintenance or drained, and gets no traffic before "
                    "whoever did that takes it back",
                    backend_.socket, backend_.name, name);
    if (!server->up)
        return fail(ErrorCode::unavailable, "haproxy at {}: {}/{} is down", backend_.socket,
                    backend_.name, name);
    return {};
}

Result<void> Haproxy::check(const std::vector<HaproxyServer>& there, const Weights& wanted) const {
    int fresh = 0, fit = 0, losing = 0, at_work = 0;
    Result<void> first_unfit;
    for (const auto& [name, weight] : wanted) {
        const auto* server = find(there, name);
        const bool works = server != nullptr && server->takes_traffic();
        at_work += works ? 1 : 0;
        losing += works && weight == 0 ? 1 : 0;
        if (weight == 0 || (server != nullptr && server->weight > 0)) continue;
        ++fresh;
        auto fitness_of = fitness(server, name);
        fit += fitness_of ? 1 : 0;
        if (!fitness_of && first_unfit) first_unfit = std::move(fitness_of);
    }
    const bool enough = fit > 0 && (2 * fit >= fresh || fit >= losing);
    if (fresh == 0 || enough || at_work == 0) return {};
    return first_unfit;
}

Result<void> Haproxy::change(const std::vector<HaproxyServer>& there, const Weights& wanted) const {
    std::vector<std::string> raise;
    std::vector<std::string> lower;
    for (const auto& [name, weight] : wanted) {
        const auto now = find(there, name)->weight;  // it is there
        if (weight != now)
            (weight > now ? raise : lower)
                .push_back(fmt::format("set server {}/{} weight {}", backend_.name, name, weight));
    }
    raise.insert(raise.end(), lower.begin(), lower.end());
    if (raise.empty()) return {};
    const auto answer = TRY(ask(fmt::format("{}", fmt::join(raise, "; "))));
    if (const auto text = trimmed(answer); !text.empty())
        return fail(ErrorCode::denied, "haproxy at {}: {}", backend_.socket,
                    split(text, '\n').front());
    if (in_force(TRY(look()), wanted)) return {};
    return fail(ErrorCode::conflict, "haproxy at {}: backend {} has other weights than were set",
                backend_.socket, backend_.name);
}

Result<void> Haproxy::keep(const Weights& wanted) const {
    if (backend_.state_file.empty()) return {};
    const auto kept = read_file(backend_.state_file, kStateBytesMax);
    const auto has = [&](const std::vector<HaproxyServer>& there) {
        return std::ranges::all_of(wanted, [&](const auto& each) {
            const auto* server = find(there, each.first);  // of those that are there
            return server == nullptr ? each.second == 0 : server->weight == each.second;
        });
    };
    if (kept && has(servers_in(*kept, backend_.name))) return {};
    return write_anew(backend_.state_file, TRY(ask("show servers state")));
}

Result<void> Haproxy::set_weights(const Weights& wanted) const {
    CHECK(check_words(wanted));
    const auto there = TRY(look());
    CHECK(check(there, wanted));
    auto present = wanted;
    std::erase_if(present, [&](const auto& each) { return find(there, each.first) == nullptr; });
    CHECK(change(there, present));
    for (const auto& [name, weight] : wanted)
        if (weight > 0 && !present.contains(name)) return fitness(nullptr, name);
    return {};
}

}  // namespace tidegate::agent
