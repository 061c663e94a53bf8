#include "agent/session/epochs.h"

#include <sstream>
#include <utility>

#include "schema/wire/messages.h"
#include "transport/key_files.h"
#include "transport/pki.h"

namespace tidegate::session {
namespace {

Digest fingerprint_of(const std::string& ca_pem) {
    const auto info = transport::read_certificate(ca_pem);
    return info ? info->fingerprint : Digest{};
}

}  // namespace

Epochs Epochs::open(const std::filesystem::path& data_dir) {
    Epochs epochs{data_dir / "pki" / "epoch"};
    if (const auto content = transport::read_private_file(epochs.file_))
        if (auto kept = read(*content)) epochs.kept_ = *std::move(kept);
    return epochs;
}

/// One line, CA OFFSET EPOCH, then the signature's bytes; without a proof the epoch is 0.
std::optional<Epochs::Kept> Epochs::read(const std::string& content) {
    const auto line_end = content.find('\n');
    if (line_end == std::string::npos) return std::nullopt;
    std::istringstream line{content.substr(0, line_end)};
    std::string ca;
    Kept kept;
    EpochProof proof;
    if (!(line >> ca >> kept.offset >> proof.epoch)) return std::nullopt;
    const auto digest = Digest::from_hex(ca);
    if (!digest) return std::nullopt;
    kept.ca = *digest;
    proof.signature = content.substr(line_end + 1);
    if (!proof.signature.empty()) kept.proof = std::move(proof);
    return kept;
}

Result<void> Epochs::keep(Kept kept) {
    if (kept == kept_) return {};
    const auto proof = kept.proof.value_or(EpochProof{});
    CHECK(transport::write_private_file(
        file_,
        fmt::format("{} {} {}\n{}", kept.ca.hex(), kept.offset, proof.epoch, proof.signature)));
    kept_ = std::move(kept);
    return {};
}

void Epochs::introduce(Hello& hello, const std::string& ca_pem) const {
    hello.capabilities.emplace_back(wire::kEpochProofCapability);
    const bool other_ca = !kept_.ca.empty() && kept_.ca != fingerprint_of(ca_pem);
    hello.highest_epoch = other_ca ? 0 : outward(hello.highest_epoch);
    if (!other_ca) hello.epoch_proof = kept_.proof;
}

Result<void> Epochs::welcomed(std::uint64_t epoch, const std::optional<EpochProof>& proof,
                              const std::string& ca_pem, std::uint64_t host_highest) {
    auto kept = kept_;
    const auto ca = fingerprint_of(ca_pem);
    if (kept.ca != ca) {
        const bool other_before = !kept.ca.empty();
        kept = {.ca = ca, .offset = 0, .proof = {}};
        if (other_before && epoch <= host_highest) kept.offset = host_highest - epoch + 1;
    }
    const bool genuine =
        proof &&
        transport::is_signed_by(ca_pem, wire::epoch_statement(proof->epoch), proof->signature);
    if (genuine && (!kept.proof || proof->epoch > kept.proof->epoch)) kept.proof = proof;
    CHECK(keep(std::move(kept)));
    if (proof && !genuine)
        return fail(ErrorCode::invalid, "the daemon's proof of its epoch is not signed by its CA");
    return {};
}

}  // namespace tidegate::session
