#pragma once
/// Gates: rules that may hold a release. Each is a pure function in a file of its own; the engine
/// asks all of them before every dispatch, through `evaluate_gates`, on every path.
///
/// To add one: write `policies/<name>_gate.cpp` with a function of type `Gate`, declare it below,
/// and give it a row in gates.cpp. Nothing else changes (docs/extending.md).

#include <span>
#include <string_view>
#include <vector>

#include "schema/model/release.h"

namespace tidegate {

/// What a gate may look at. `rules` is one of the rule sets that gate a release: the accepted
/// commit's, or one of the anchor's (design, section 4.3).
struct GateInput {
    const Assignment& assignment;
    const Rules& rules;
    ReleaseKind kind = ReleaseKind::introduce;
    bool restore = false;           ///< a rollback's restoring action
    bool release_admitted = false;  ///< the release passed all gates once
    bool step_admitted = false;     ///< the step of this dispatch passed all gates once
};

/// Open when empty. A gate that closes says why and, where it can know, until when.
struct Verdict {
    std::vector<Hold> holds;

    [[nodiscard]] bool open() const { return holds.empty(); }
    [[nodiscard]] static Verdict hold(std::string_view gate, std::string reason,
                                      std::optional<Timestamp> until = {}) {
        return Verdict{{Hold{std::string(gate), std::move(reason), until}}};
    }
};

using Gate = Verdict (*)(const GateInput& input, Timestamp now);

Verdict pause_gate(const GateInput& input, Timestamp now);
Verdict freeze_gate(const GateInput& input, Timestamp now);
Verdict unsupported_gate(const GateInput& input, Timestamp now);
Verdict window_gate(const GateInput& input, Timestamp now);

/// All gates in the order in which holds are shown.
[[nodiscard]] std::span<const Gate> all_gates();

/// The holds of all gates over the accepted rules and, for what introduces something, the anchor's;
/// each hold once, sorted by gate. Empty = go. `heal` and `catch_up` obey the accepted rules only.
struct GateQuestion {
    ReleaseKind kind = ReleaseKind::introduce;
    bool restore = false;
    bool release_admitted = false;
    bool step_admitted = false;
};
[[nodiscard]] std::vector<Hold> evaluate_gates(const Assignment& assignment,
                                               const GateQuestion& question, Timestamp now);

/// What is shown whether something waits for it or not: an invalid newer commit, which keeps the
/// assignment at its last valid state (gate `config`; releases towards that state go on), and what
/// a person stopped (pause, freeze).
[[nodiscard]] std::vector<Hold> standing_holds(const Assignment& assignment, Timestamp now);

}  // namespace tidegate
