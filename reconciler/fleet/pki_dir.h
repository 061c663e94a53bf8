#pragma once
/// The daemon's keys on disk: `pki/{ca,server}.{key,crt}` and `pki/reset.secret` in its data
/// directory, each 0600. The CA key stands nowhere else, in particular not in the store, so that
/// a lost store does not cost the agents their certificates.

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "schema/base/result.h"
#include "schema/base/time.h"
#include "transport/pki.h"

namespace tidegate {

/// That the server's certificate was made anew.
struct Renewal {
    std::string text;  ///< for the log: how long the former one was valid, what time it is
    bool clock_doubted = false;  ///< the former one had not begun, or had expired
};

struct Pki {
    transport::Credential ca;
    transport::Credential server;
    std::array<std::uint8_t, 32> reset_secret{};
    Digest ca_fingerprint;           ///< what enrolment tokens pin
    std::optional<Renewal> renewal;  ///< until it is told
    bool made_ca = false;            ///< there was none: nobody trusts this one yet
};

/// Makes what is missing. The CA lives ten years and is never replaced (agents pin it); the
/// server's certificate lives two and is made anew as renew_server says. `invalid`: a file is
/// damaged, a key does not fit its certificate, the CA has expired, or there is none yet and the
/// clock is years behind; nothing is written then.
[[nodiscard]] Result<Pki> open_pki(const std::filesystem::path& data_dir, Timestamp now);

/// Makes the server's certificate anew, in memory, where it has not begun or is in its second half.
/// Which clock is wrong, the one that made it or this one, nobody can know: the new one is valid
/// whenever the former was, too. No `renewal`: it is good, or the CA has expired.
[[nodiscard]] Result<void> renew_server(Pki& pki, Timestamp now);
/// Where open_pki finds it. Waits for the disk.
[[nodiscard]] Result<void> keep_server(const std::filesystem::path& data_dir,
                                       const transport::Credential& server);

}  // namespace tidegate
