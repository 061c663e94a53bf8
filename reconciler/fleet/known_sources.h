#pragma once
/// Where agents held sessions within limits::kSourceKnownFor (transport::Connection::source): such
/// a source has a share of its own among new connections. Values only.

#include <map>
#include <string>

#include "schema/base/time.h"

namespace tidegate::fleet {

/// `now` is a monotonic clock's reading; only differences are used.
class KnownSources {
public:
    void note(const std::string& source, Milliseconds now);
    [[nodiscard]] bool contains(const std::string& source, Milliseconds now) const;

private:
    void make_room(Milliseconds now);

    std::map<std::string, Milliseconds> last_;  ///< at most limits::kSourcesKnownMax
};

}  // namespace tidegate::fleet
