#include "agent/routers/state_use.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "agent/routers/runtime_socket.h"
#include "schema/files/read_file.h"

namespace tidegate::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kConfigBytesMax = 4 * 1024 * 1024;
constexpr std::size_t kConfigFilesMax = 64;
constexpr std::size_t kCommandBytesMax = 64 * 1024;

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    bool open = false;
    for (const char c : line.substr(0, line.find('#'))) {
        const bool space = c == ' ' || c == '\t' || c == '\r';
        if (!space && !open) words.emplace_back();
        open = !space;
        if (!space && c != '"' && c != '\'') words.back() += c;
    }
    return words;
}

/// Follows the sections of a configuration as far as state files go.
class Sections {
public:
    explicit Sections(const std::string& backend) : backend_{backend} {}

    void take(const std::vector<std::string>& words) {
        if (words.empty()) return;
        const auto& first = words[0];
        const auto second = words.size() > 1 ? words[1] : std::string{};
        if (is_section(first)) return begin(words);
        if (section_ == "global" && first == "server-state-file") file_ = second;
        if (section_ == "global" && first == "server-state-base") base_ = second;
        if (scope_ == nullptr) return;
        if (first == "load-server-state-from-file") scope_->load = second;
        if (first == "server-state-file-name") scope_->name = second;
    }

    [[nodiscard]] StateFinding judge(const std::string& state_file) const {
        if (!found_)
            return {
                StateUse::unknown,
                fmt::format("no backend {} in what could be read of its configuration", backend_)};
        if (found_->load != "global" && found_->load != "local")
            return {StateUse::not_loaded,
                    fmt::format("backend {} has no load-server-state-from-file", backend_)};
        const auto loads = place();
        if (loads.find('$') != std::string::npos)
            return {StateUse::unknown, fmt::format("it loads {}, which only it can expand", loads)};
        if (fs::path{loads}.lexically_normal() != fs::path{state_file}.lexically_normal())
            return {StateUse::not_loaded,
                    fmt::format("backend {} loads '{}' and not {}", backend_, loads, state_file)};
        return {StateUse::loaded, {}};
    }

private:
    struct Scope {
        std::string load;
        std::string name;
    };

    static bool is_section(std::string_view word) {
        constexpr std::array kSections{
            "global",  "defaults", "frontend",    "backend", "listen",      "peers",
            "mailers", "userlist", "resolvers",   "cache",   "ring",        "program",
            "traces",  "fcgi-app", "http-errors", "acme",    "log-forward", "crt-store"};
        return std::ranges::find(kSections, word) != kSections.end();
    }

    void begin(const std::vector<std::string>& words) {
        section_ = words[0];
        scope_ = nullptr;
        const auto name = words.size() > 1 && words[1] != "from" ? words[1] : std::string{};
        const auto from = std::ranges::find(words, "from");
        const bool has_from = from != words.end() && from + 1 != words.end();
        if (section_ == "defaults") {
            last_ = has_from ? named_[*(from + 1)] : Scope{};
            scope_ = name.empty() ? &last_ : &(named_[name] = last_);
            last_named_ = name;
        } else if ((section_ == "backend" || section_ == "listen") && name == backend_) {
            found_ = has_from              ? named_[*(from + 1)]
                     : last_named_.empty() ? last_
                                           : named_[last_named_];
            scope_ = &*found_;
        }
    }

    [[nodiscard]] std::string place() const {
        auto file = file_;
        if (found_->load == "local") file = found_->name.empty() ? backend_ : found_->name;
        const bool relative = !file.empty() && !file.starts_with('/');
        return relative && !base_.empty() ? base_ + '/' + file : file;
    }

    std::string backend_;
    std::string section_;
    std::string file_;
    std::string base_;
    Scope last_;  ///< of the defaults without a name that came last
    std::string last_named_;
    std::map<std::string, Scope> named_;
    std::optional<Scope> found_;
    Scope* scope_ = nullptr;
};

Result<std::string> process_of(const std::string& socket) {
    const auto info = TRY(ask_runtime(socket, "show info", Haproxy::kTimeout));
    constexpr std::string_view kPid = "\nPid: ";
    const auto at = info.find(kPid);
    int pid = 0;
    if (at != std::string::npos)
        std::from_chars(info.data() + at + kPid.size(), info.data() + info.size(), pid);
    const auto place = fmt::format("/proc/{}", pid);
    const auto name = read_file(place + "/comm", kCommandBytesMax);
    if (pid > 0 && name && name->starts_with("haproxy")) return place;
    return fail(ErrorCode::not_found, "its process is not to be seen from here");
}

/// The files and folders of its command line.
Result<std::vector<fs::path>> places_of(const std::string& process) {
    const auto command = TRY(read_file(process + "/cmdline", kCommandBytesMax));
    std::vector<std::string> arguments;
    for (std::size_t at = 0; at < command.size(); at += arguments.back().size() + 1)
        arguments.emplace_back(command.c_str() + at);
    std::vector<fs::path> places;
    fs::path base;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        if (arguments[i] == "--") {
            places.insert(places.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                          arguments.end());
            break;
        }
        if (i + 1 < arguments.size() && arguments[i] == "-f") places.emplace_back(arguments[++i]);
        if (i + 1 < arguments.size() && arguments[i] == "-C") base = arguments[++i];
    }
    for (auto& place : places) {
        place = base / place;
        if (place.is_relative())
            return fail(ErrorCode::not_found, "it was started with {}, a relative path",
                        place.string());
    }
    return places;
}

Result<std::string> configuration_of(const std::string& process) {
    std::vector<fs::path> files;
    for (const auto& place : TRY(places_of(process))) {
        std::error_code error;
        if (!fs::is_directory(place, error)) {
            files.push_back(place);
            continue;
        }
        std::vector<fs::path> inside;
        for (const auto& entry : fs::directory_iterator{place, error})
            if (entry.path().extension() == ".cfg") inside.push_back(entry.path());
        std::ranges::sort(inside);
        files.insert(files.end(), inside.begin(), inside.end());
    }
    if (files.empty() || files.size() > kConfigFilesMax)
        return fail(ErrorCode::not_found, "its command line names {} files", files.size());
    std::string all;
    for (const auto& file : files) all += TRY(read_file(file, kConfigBytesMax)) + '\n';
    return all;
}

}  // namespace

StateFinding state_use_in(std::string_view configuration, const HaproxyBackend& backend) {
    Sections sections{backend.name};
    for (std::size_t at = 0; at < configuration.size();) {
        const auto end = std::min(configuration.find('\n', at), configuration.size());
        sections.take(words_of(configuration.substr(at, end - at)));
        at = end + 1;
    }
    return sections.judge(backend.state_file);
}

StateFinding find_state_use(const HaproxyBackend& backend) {
    const auto process = process_of(backend.socket);
    if (!process) return {StateUse::unknown, process.error().text()};
    const auto configuration = configuration_of(*process);
    if (!configuration) return {StateUse::unknown, configuration.error().text()};
    return state_use_in(*configuration, backend);
}

}  // namespace tidegate::agent
