#pragma once
/// Whether a promote would let a release into a group that waits for an approver.

#include <string>

#include "reconciler/git/repository.h"
#include "schema/model/names.h"

namespace tidegate::cli {

struct PromoteBy {
    AssignmentKey key;
    git::Person person;
    Timestamp now;
};

/// Why a promote by that person on top of the commit passes no await that takes an approver's;
/// empty = it does, nobody waits for an approver, or Git alone cannot tell: only the daemon knows
/// what is last good, so that of those who wrote the change only the newest digest's are counted.
[[nodiscard]] std::string why_not_approved(const git::Repository& repository,
                                           const std::string& commit, const PromoteBy& by);

}  // namespace tidegate::cli
