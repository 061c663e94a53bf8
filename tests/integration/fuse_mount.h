#pragma once
/// A mount whose server never answers (whoever looks at it waits), or is dead (ENOTCONN). Only root
/// can make one; `is_there` says whether that went well.

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mount.h>

#include <filesystem>
#include <string>

#include "schema/files/file_descriptor.h"

namespace tidegate::test {

class FuseMount {
public:
    /// Makes the folder.
    explicit FuseMount(std::string folder) : folder_{std::move(folder)} {
        std::filesystem::create_directories(folder_);
        server_ = FileDescriptor{::open("/dev/fuse", O_RDWR | O_CLOEXEC)};
        const auto options =
            fmt::format("fd={},rootmode=40000,user_id=0,group_id=0", server_.get());
        is_there_ = server_.valid() && ::mount("test", folder_.c_str(), "fuse",
                                               MS_NOSUID | MS_NODEV, options.c_str()) == 0;
    }
    ~FuseMount() {
        die();
        if (is_there_) ::umount2(folder_.c_str(), MNT_DETACH);
    }
    FuseMount(const FuseMount&) = delete;
    FuseMount& operator=(const FuseMount&) = delete;

    [[nodiscard]] bool is_there() const { return is_there_; }
    void die() { server_.reset(); }

private:
    std::string folder_;
    FileDescriptor server_;
    bool is_there_ = false;
};

}  // namespace tidegate::test
