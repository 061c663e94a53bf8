#pragma once
/// What this agent knows about its daemons' epochs beside the host's highest one: the proof that
/// the daemon gave with Welcome, to be returned in Hello, and which CA it is of. Kept in
/// `pki/epoch`, 0600, replaced as a whole.
///
/// An epoch says something only among the daemons of one CA. The host, though, obeys no number
/// below one that it has seen. So when an agent is enrolled with another CA, whose daemon may count
/// from further below, numbers are raised on their way in, and lowered on their way out, by an
/// offset.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "schema/base/digest.h"
#include "schema/base/result.h"
#include "schema/model/agent.h"

namespace tidegate::session {

class Epochs {
public:
    /// A file that is not there or damaged counts as nothing known.
    [[nodiscard]] static Epochs open(const std::filesystem::path& data_dir);

    /// Completes what the host says of itself, for a daemon of that CA.
    void introduce(Hello& hello, const std::string& ca_pem) const;
    /// A daemon of that CA welcomed us; `host_highest` is the host's highest epoch so far. On
    /// return the file is written. `invalid`: its proof is none, and was not kept.
    [[nodiscard]] Result<void> welcomed(std::uint64_t epoch, const std::optional<EpochProof>& proof,
                                        const std::string& ca_pem, std::uint64_t host_highest);

    /// A daemon's number for the host, and the host's for the daemon.
    [[nodiscard]] std::uint64_t inward(std::uint64_t epoch) const { return epoch + kept_.offset; }
    [[nodiscard]] std::uint64_t outward(std::uint64_t epoch) const {
        return epoch > kept_.offset ? epoch - kept_.offset : 0;
    }
    [[nodiscard]] const std::optional<EpochProof>& proof() const { return kept_.proof; }

private:
    struct Kept {
        Digest ca;  ///< its fingerprint; none before the first Welcome
        std::uint64_t offset = 0;
        std::optional<EpochProof> proof;

        friend bool operator==(const Kept&, const Kept&) = default;
    };

    explicit Epochs(std::filesystem::path file) : file_{std::move(file)} {}
    [[nodiscard]] static std::optional<Kept> read(const std::string& content);
    [[nodiscard]] Result<void> keep(Kept kept);

    std::filesystem::path file_;
    Kept kept_;
};

}  // namespace tidegate::session
