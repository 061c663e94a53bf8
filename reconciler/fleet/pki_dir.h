#pragma once
/// The daemon's keys on disk: `pki/{ca,server}.{key,crt}` and `pki/reset.secret` in its data
/// directory, each 0600. The CA key stands nowhere else, in particular not in the store, so that
/// a lost store does not cost the agents their certificates.

#include <array>
#include <cstdint>
#include <filesystem>

#include "schema/base/result.h"
#include "schema/base/time.h"
#include "transport/pki.h"

namespace tidegate {

struct Pki {
    transport::Credential ca;
    transport::Credential server;
    std::array<std::uint8_t, 32> reset_secret{};
    Digest ca_fingerprint;  ///< what enrolment tokens pin
};

/// Makes what is missing. The CA lives ten years and is never replaced (agents pin it); the
/// server's certificate lives two and is made anew at a start in its second half, or before it
/// begins (a clock that was ahead has been set right). `invalid`: a file is damaged, a key does not
/// fit its certificate, or the CA has expired; nothing is overwritten then.
[[nodiscard]] Result<Pki> open_pki(const std::filesystem::path& data_dir, Timestamp now);

}  // namespace tidegate
