#pragma once
/// What the daemon persists: rows of named tables, and the audit log, whose rows form a hash chain.
/// Values only; `reconciler/store` writes them. Bodies and details are JSON made by their owners;
/// here they are bytes that come back as they went in.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "schema/base/digest.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace tidegate {

/// One name space of keys each. The names of `to_string` are on disk: add, never rename.
enum class Table {
    meta,            ///< single facts, such as the accepted commit; key `epoch` is the store's own
    release,         ///< heads of releases, by id
    action,          ///< the outbox: one row per action
    quarantine,      ///< (assignment, digest) that is blocked until a person lifts it
    agent,           ///< enrolled agents and revocations
    token,           ///< enrolment tokens, hashed
    installation,    ///< what agents last reported: a hint after a restart
    history,         ///< last good and other facts per assignment
    block,           ///< (target, digest) that failed outside of an `introduce`, with its back-off
    release_step,    ///< `ID INDEX`: one step of a release
    release_target,  ///< `ID TARGET`: one target's result in a release
    revert,          ///< by release id: the commit that takes it back, longer than the release
    sides,           ///< by assignment: its live slot, and where its traffic goes
};

inline constexpr std::array kTables{Table::meta,         Table::release,        Table::action,
                                    Table::quarantine,   Table::agent,          Table::token,
                                    Table::installation, Table::history,        Table::block,
                                    Table::release_step, Table::release_target, Table::revert,
                                    Table::sides};

[[nodiscard]] std::string_view to_string(Table table);

struct Put {
    Table table{};
    std::string key;
    std::string body;  ///< JSON

    friend bool operator==(const Put&, const Put&) = default;
};

/// Erasing what is not there is no error.
struct Erase {
    Table table{};
    std::string key;

    friend bool operator==(const Erase&, const Erase&) = default;
};

/// Who did what, to what, when and why.
struct AuditEntry {
    Timestamp at;
    std::string actor;    ///< a person's mail address, `tidegated`, or `agent/NAME`
    std::string kind;     ///< a dotted verb, such as `release.started`
    std::string subject;  ///< what it was done to: an assignment, a release, an agent
    std::string commit;   ///< the commit that asked for it; empty where there is none
    std::string detail;   ///< JSON

    friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};

/// All or nothing; writes take effect in their order, so the last one to a key wins.
struct Batch {
    std::vector<std::variant<Put, Erase>> writes;
    std::vector<AuditEntry> audit;

    friend bool operator==(const Batch&, const Batch&) = default;
};

struct Row {
    Table table{};
    std::string key;
    std::string body;

    friend bool operator==(const Row&, const Row&) = default;
};

/// One link of the chain. `seq` counts from 1 without gaps; `previous` of the first is empty.
struct AuditRow {
    std::uint64_t seq = 0;
    AuditEntry entry;
    Digest previous;
    Digest hash;

    friend bool operator==(const AuditRow&, const AuditRow&) = default;
};

/// A place in the chain: the row `seq` and its hash. The default one is before the first row.
struct AuditMark {
    std::uint64_t seq = 0;
    Digest hash;

    friend bool operator==(const AuditMark&, const AuditMark&) = default;
};

/// SHA-256 over a length-prefixed form of everything in the row, with a format number.
[[nodiscard]] Digest audit_hash(std::uint64_t seq, const AuditEntry& entry, const Digest& previous);

/// The row that follows `after`.
[[nodiscard]] AuditRow next_audit_row(const AuditMark& after, AuditEntry entry);

/// Checks that `rows` follow `after` without a gap and that every hash is right. Returns the last
/// row's mark, from which the next page can be checked; errors (`invalid`) name the first wrong
/// seq.
///
/// A chain proves that nothing before its end was changed, not that its end is still there: who can
/// write the store can cut rows off, or rewrite all rows after one. That shows only against a mark
/// that was kept elsewhere (Rekor's signed checkpoints serve the same end).
[[nodiscard]] Result<AuditMark> verify_chain(std::span<const AuditRow> rows,
                                             const AuditMark& after = {});

}  // namespace tidegate
