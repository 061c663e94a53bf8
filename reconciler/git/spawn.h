#pragma once
/// Private to this folder: starting a program whose standard input and output are one socket.

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "schema/base/result.h"

namespace tidegate::git {

/// A descriptor that is closed when it goes.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_{fd} {}
    Descriptor(Descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor();
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_ = -1;
};

struct Spawned {
    pid_t pid = -1;
    Descriptor socket;  ///< our end
};

struct SpawnOptions {
    std::vector<std::string> command;      ///< [0] is looked up in PATH
    std::vector<std::string> environment;  ///< all of it, `NAME=value`
    bool own_group = false;                ///< leads a process group, to be killed as one
    bool silent = false;                   ///< standard error goes nowhere; else it is inherited
};

/// The program inherits no descriptor but standard error.
[[nodiscard]] Result<Spawned> spawn(const SpawnOptions& options);

}  // namespace tidegate::git
