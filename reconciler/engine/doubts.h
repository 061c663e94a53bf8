#pragma once
/// Targets that a release has deployed already, and of which their agents say meanwhile that they
/// are not as they were. Their checks, again and again, are verify.h's.

#include <vector>

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// One that its agent reports down or old has failed at the second such report, which comes of the
/// agent's next look (kSecondLookCapability). Until then, however long that takes, the returned
/// holds keep the release from going on; its deadlines run on. What was well for kDoubtForgotten
/// since the first one starts anew. A link that is away says nothing.
[[nodiscard]] std::vector<Hold> doubt_deployed(Turn& turn, Release& release);

}  // namespace tidegate::engine
