#pragma once
/// What journals of older builds leave out, filled in as well as it can be.

#include "schema/model/agent.h"

namespace tidegate::machine {

/// Builds that knew no tried_version call what failed the version. The success before it is not in
/// their journals, but last good comes near: it is what a restore brings back.
void read_as_tried(Installation& installation);

}  // namespace tidegate::machine
