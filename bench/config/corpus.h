#pragma once
/// A config repo of any size, a shell for the yardsticks, and a stopwatch.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

namespace tidegate::bench {

/// One `tidegate.yaml`, the environments, the projects, and a version file for each pair.
struct Corpus {
    int environments = 19;
    int projects = 500;

    [[nodiscard]] std::size_t files() const {
        return static_cast<std::size_t>(1 + environments + projects + environments * projects);
    }
};

/// A bare repository with one commit of all the files, in one pack, as a clone of it would be.
void make_remote(const std::filesystem::path& directory, const Corpus& corpus);
/// One more commit: another version of one assignment.
void change_one_file(const std::filesystem::path& remote, const Corpus& corpus, int round);

/// Runs a shell command; ends the program when it fails. Returns what it printed.
std::string shell(const std::string& command);
/// Wall time of a call, in seconds.
double timed(const std::function<void()>& work);
std::string quoted(const std::filesystem::path& path);

}  // namespace tidegate::bench
