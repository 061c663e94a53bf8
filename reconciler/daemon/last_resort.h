#pragma once
/// Ends the process when its clean end takes too long.

#include <thread>

#include "schema/base/time.h"

namespace tidegate::daemon {

/// A thread that hangs in the disk can neither be stopped nor joined. Unless this is destroyed
/// within `patience`, the process ends with exit code 1: to what is on the disk that is a crash,
/// which loses nothing that was promised. Owns the thread that waits.
class LastResort {
public:
    explicit LastResort(Milliseconds patience);

private:
    std::jthread thread_;
};

}  // namespace tidegate::daemon
