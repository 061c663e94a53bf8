#pragma once
/// The readers of all documents and of the blocks that several of them share. Private to
/// schema/config; one .cpp per kind.

#include "schema/config/fields.h"

namespace tidegate::config {

/// `apiVersion` and `kind`, which every document begins with.
void read_envelope(Fields& fields, DocumentKind kind);

/// Warns that a key is valid and passed over: nothing is passed over in silence.
void warn_not_acted_on(Place place);

/// A name that must be what the path says.
struct AsInPath {
    std::string DocumentPath::*part = &DocumentPath::name;
    void operator()(Place place, std::string& out) const;
    void operator()(Place place, Reference& out) const;
};

// One per kind.
void read(Place place, Repository& out);
void read(Place place, Project& out);
void read(Place place, Environment& out);
void read(Place place, TargetList& out);
void read(Place place, ReleaseWindow& out);
void read(Place place, Policy& out);
void read(Place place, Version& out);
void read(Place place, ApprovalList& out);

// Blocks.
void read(Place place, Deploy& out);
void read(Place place, Pipeline& out);
void read(Place place, Task& out);
void read(Place place, HealthCheck& out);
void read(Place place, Variable& out);
void read(Place place, Variables& out);
void read(Place place, Strategy& out);
void read(Place place, Traffic& out);
void read(Place place, RollbackRules& out);
void read(Place place, TargetSpec& out);
void read(Place place, std::vector<TargetSpec>& out);
/// The keys of a release window, in its own file or inline.
void read_window_keys(Fields& fields, ReleaseWindow& out);
/// Environment variables of a process: `{NAME: text}`.
void read(Place place, std::map<std::string, std::string>& out);
/// Free labels: `{key: text}`.
struct Labels {
    void operator()(Place place, std::map<std::string, std::string>& out) const;
};
/// Names of channels under `notifications.channels`.
[[nodiscard]] const std::vector<std::string_view>& channel_names();

}  // namespace tidegate::config
