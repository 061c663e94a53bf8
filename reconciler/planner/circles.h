#pragma once
/// A canary as entries, each with the targets that its share is of. Private to this folder.

#include <deque>
#include <limits>
#include <vector>

#include "reconciler/planner/strategy.h"

namespace tidegate::planner {

/// One target on its way through the entries.
struct Member {
    const DesiredTarget* target = nullptr;
    bool there = false;  ///< has the new version already
    bool taken = false;  ///< some entry has it
    int last = 0;        ///< number of the last group that it is in; 0 = in none
};

/// The targets that a share is of: all of the assignment, or those of one cluster group.
struct Circle {
    std::vector<Member*> members;  ///< in the order in which they are taken
    int total = 0;                 ///< away ones included
    int online = 0;
};

inline constexpr int kAll = std::numeric_limits<int>::max();

/// One of `steps` or `cluster_order`. A group of which a share goes first may be two of the same
/// number; at last come those in no group, with number 0.
struct Entry {
    int number = 0;
    Circle* circle = nullptr;
    int share = kAll;  ///< so many of the circle may have the version when it is done
    Seconds verify{0};
    bool approver = false;
};

struct Entries {
    std::vector<Member> members;  ///< what is there first, else in the fleet's order
    std::deque<Circle> circles;   ///< whose places stay when one is added
    std::vector<Entry> list;
    int named = 1;  ///< how many of the members go first by name or label; 1 where none is named
};

[[nodiscard]] Entries entries_of(const Strategy& strategy, const Fleet& fleet);

}  // namespace tidegate::planner
