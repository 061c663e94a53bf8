#pragma once
/// The hashes by which "is what is installed what is wanted" is decided (design, section 1).

#include <string>
#include <string_view>

#include "schema/model/assignment.h"

namespace tidegate {

/// Grows only when the canonical form changes meaning; then everything is introduced anew.
inline constexpr int kDigestFormat = 1;

/// What is hashed, one line of JSON: version, artifact (its hash; its URL only without one), state,
/// deploy, pipeline, variables, all before substitution. Secrets as ciphertext, external ones as
/// source and key, env_specific ones as this environment's value alone, so that another
/// environment's change moves nothing here; slot_specific ones as the values of both slots, which
/// have the same digest. What is not written is left out, so that a new default
/// changes no digest. Not in it: windows, strategy, approvals, texts for people, names of commits.
[[nodiscard]] std::string canonical_definition(const Definition& definition);
[[nodiscard]] Digest assignment_digest(const Definition& definition);
[[nodiscard]] Digest digest_of_canonical(std::string_view canonical_definition);

/// A target's own part: `config` as written, and its variables. Labels and priority are not in it.
[[nodiscard]] Digest target_config_digest(const Value& config, const Variables& variables,
                                          const std::string& environment);
/// What agents report. A pin counts through the definition it brings.
[[nodiscard]] Digest target_digest(const Digest& definition, const Digest& target_config);

}  // namespace tidegate
