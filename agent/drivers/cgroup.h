#pragma once
/// A cgroup of its own for each script: the one place that nothing a script starts can leave by
/// clearing its environment, a session of its own or a double fork. Version 2 only (cgroups(7));
/// where there is none, or none may be made, all here does nothing.

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "schema/files/file_descriptor.h"

namespace tidegate::agent {

/// Where in the file system the cgroup of /proc/self/cgroup lies, by /proc/self/mountinfo (both as
/// texts); empty if no version 2 is mounted or that mount does not show it.
[[nodiscard]] std::string cgroup_directory(std::string_view mountinfo, std::string_view own);
/// This process's own one, if it may make others below it; else empty.
[[nodiscard]] std::string own_cgroup();

/// One script's. Used by one thread.
class ScriptCgroup {
public:
    ScriptCgroup() = default;
    /// Makes `tidegate-NAME` below `parent`, or opens it; an empty parent = none.
    ScriptCgroup(const std::string& parent, const std::string& name);

    /// Its cgroup.procs, to be written to by who enters; -1 = there is none.
    [[nodiscard]] int procs() const { return procs_.get(); }
    [[nodiscard]] std::vector<pid_t> members() const;
    /// KILL to all in it, as whatever user and however fast they fork. False: the kernel cannot.
    bool kill();
    /// Lets what lives in it go on in the parent, and removes it.
    void dissolve();

private:
    std::string parent_;
    std::string path_;
    FileDescriptor procs_;
};

}  // namespace tidegate::agent
