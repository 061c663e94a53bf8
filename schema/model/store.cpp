#include "schema/model/store.h"

namespace tidegate {

std::string_view to_string(Table table) {
    switch (table) {
        case Table::meta:
            return "meta";
        case Table::release:
            return "release";
        case Table::action:
            return "action";
        case Table::quarantine:
            return "quarantine";
        case Table::agent:
            return "agent";
        case Table::token:
            return "token";
        case Table::installation:
            return "installation";
        case Table::history:
            return "history";
        case Table::block:
            return "block";
        case Table::release_step:
            return "release_step";
        case Table::release_target:
            return "release_target";
        case Table::revert:
            return "revert";
        case Table::sides:
            return "sides";
    }
    TG_ASSERT(!"a table without a name");
    return {};
}

Digest audit_hash(std::uint64_t seq, const AuditEntry& entry, const Digest& previous) {
    const auto at = entry.at.time_since_epoch().count();
    return Digest::of_parts({"tidegate-audit-1", fmt::format("{}", seq), fmt::format("{}", at),
                             entry.actor, entry.kind, entry.subject, entry.commit, entry.detail,
                             previous.hex()});
}

AuditRow next_audit_row(const AuditMark& after, AuditEntry entry) {
    const auto seq = after.seq + 1;
    const auto hash = audit_hash(seq, entry, after.hash);
    return {seq, std::move(entry), after.hash, hash};
}

Result<AuditMark> verify_chain(std::span<const AuditRow> rows, const AuditMark& after) {
    auto mark = after;
    for (const auto& row : rows) {
        if (row.seq != mark.seq + 1)
            return fail(ErrorCode::invalid, "audit row {} is missing: row {} comes after {}",
                        mark.seq + 1, row.seq, mark.seq);
        if (row.previous != mark.hash)
            return fail(ErrorCode::invalid,
                        "audit row {} does not follow row {}: it names {}, which has {}", row.seq,
                        mark.seq, row.previous.hex(), mark.hash.hex());
        if (row.hash != audit_hash(row.seq, row.entry, row.previous))
            return fail(ErrorCode::invalid, "audit row {} was changed: its hash does not match",
                        row.seq);
        mark = {row.seq, row.hash};
    }
    return mark;
}

}  // namespace tidegate
