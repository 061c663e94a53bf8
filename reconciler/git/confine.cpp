#include "reconciler/git/confine.h"

#include <array>

#include "schema/files/landlock.h"

namespace tidegate::git {
namespace {

/// What finding a host by its name and trusting it takes: modules that the C library loads when it
/// is asked, its settings, authorities, randomness. Of /etc only this: other services keep their
/// secrets there. Some are elsewhere or absent on other systems.
constexpr std::array kOfTheSystem{
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/passwd",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/gnutls",
    "/etc/crypto-policies",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/dev/random",
    "/dev/urandom",
    "/proc/self",
};

}  // namespace

Result<void> confine_child(const Hello& hello) {
    std::vector<Reach> allowed{{hello.directory, true}, {hello.home, true}, {"/dev/null", true}};
    if (!hello.former.empty()) allowed.push_back({hello.former, true});
    for (const auto* path : kOfTheSystem) allowed.push_back({path, false});
    for (const auto& file : hello.credentials)
        if (!file.empty()) allowed.push_back({file, false});
    return confine(allowed);
}

}  // namespace tidegate::git
