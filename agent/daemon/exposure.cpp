#include "agent/daemon/exposure.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "schema/files/landlock.h"

namespace tidegate::agent {
namespace {

namespace fs = std::filesystem;

/// An owner can give itself the right.
bool can_write(const fs::path& folder) {
    struct stat facts {};
    return ::faccessat(AT_FDCWD, folder.c_str(), W_OK, AT_EACCESS) == 0 ||
           (::stat(folder.c_str(), &facts) == 0 && facts.st_uid == ::geteuid());
}

/// The topmost one above it; empty when there is none.
std::string writable_above(const fs::path& folder) {
    fs::path walked{"/"};
    for (const auto& name : folder.relative_path()) {
        if (can_write(walked)) return walked.string();
        walked /= name;
    }
    return {};
}

/// Why Landlock cannot close it; empty when it can.
std::string obstacle(const fs::path& folder, bool allow_sudo) {
    if (allow_sudo) return "agent.yaml does not say allow_sudo: false";
    const auto above = writable_above(folder);
    if (!above.empty()) return fmt::format("that user can write in {}", above);
    if (!has_landlock()) return "this kernel has no Landlock (or an old one)";
    const auto wall = all_but(folder.string());
    return wall ? "" : fmt::format("Landlock cannot close it ({})", wall.error().message);
}

}  // namespace

Exposure find_exposure(const std::string& data_dir, bool other_user, bool allow_sudo) {
    if (other_user) return {};
    std::error_code error;
    const auto folder = fs::canonical(data_dir, error);
    const auto why = error ? error.message() : obstacle(folder, allow_sudo);
    if (why.empty()) return {folder.string(), {}};
    return {{},
            fmt::format("scripts can read the agent's key and journal in {}, for they run as its "
                        "own user, and {}: set run_as, with an agent that runs as root",
                        data_dir, why)};
}

void note_exposure(const std::string& data_dir, const Exposure& exposure) {
    std::ofstream{data_dir + "/exposure"} << exposure.warning << '\n';
}

}  // namespace tidegate::agent
