#pragma once
/// The program that answers for one script (supervision.h has the picture).

namespace tidegate::agent {

/// The whole of it; to be called before the program starts threads or opens anything. Returns the
/// exit code.
[[nodiscard]] int supervise();

}  // namespace tidegate::agent
