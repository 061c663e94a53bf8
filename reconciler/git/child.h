#pragma once
/// Git in a child process of the same binary: libgit2 1.5 knows no time-outs and parses what
/// strangers wrote, so it runs where it can be killed and where it can take nothing with it: it
/// reaches its own repository and HOME, what name look-up and TLS need, and while it talks to a
/// remote the credentials for it (Landlock). A remote on this machine is exempt: there the `git`
/// program and the hooks of that repository run, as whoever pushes there expects (ADR 8, 24).

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "reconciler/git/types.h"
#include "schema/base/result.h"

namespace tidegate::git {

/// Ends the work of a GitProcess for good, whatever it waits for: the child and all it had started
/// are killed; the call under way and all later ones answer `unavailable`.
class Canceller {
public:
    /// From any thread; does not block.
    void cancel();

private:
    friend class GitProcess;
    std::mutex mutex_;
    int child_ = -1;  ///< while it is not reaped, so that its number is nobody else's
    bool cancelled_ = false;
};

struct GitProcessOptions {
    std::string executable = "/proc/self/exe";
    std::vector<std::string> arguments;  ///< what makes `executable` call run_git_child(0, 1)
    std::string directory;               ///< the bare repository, made if missing
    std::string home;                    ///< the child's HOME, made if missing
    std::string former{};                ///< another repository, for `make_anew` alone
    /// Of one call. Over a slow link it may take longer, as long as in each such time at least
    /// `slowest_bytes_per_second` came on average, and no longer than `longest`.
    std::chrono::milliseconds deadline{std::chrono::minutes{2}};
    std::size_t slowest_bytes_per_second = 1024;
    std::chrono::milliseconds longest{std::chrono::hours{1}};
    std::size_t memory_bytes_max = std::size_t{4} << 30;  ///< address space; 0: unlimited
    std::chrono::seconds cpu_max{60};                     ///< processor time of one call
    std::size_t open_files_max = 256;
    std::shared_ptr<Canceller> canceller = std::make_shared<Canceller>();  ///< of this one alone
};

/// Repository's operations, done in the child. The contracts are those of repository.h, and:
/// The child is a new one for each call to a remote elsewhere, so that credentials which were
/// replaced meanwhile are seen. timeout — the call's deadline passed; unavailable — the child died;
/// exhausted also — its answer was too long. Then the child and all it had started are gone; the
/// next call starts a new one.
///
/// ```
/// stopped --call--> running --answer--> running
///    ^                 | deadline, crash, nonsense
///    +-----------------+
/// ```
///
/// Calls block (Canceller ends that); all of them from one thread, which must outlive the object:
/// the kernel ends the child when the thread that started it ends (PR_SET_PDEATHSIG).
class GitProcess {
public:
    explicit GitProcess(GitProcessOptions options);
    GitProcess(GitProcess&&) noexcept;
    GitProcess& operator=(GitProcess&&) noexcept;
    ~GitProcess();

    [[nodiscard]] Result<Fetched> fetch(const Remote& remote, const std::string& branch);
    [[nodiscard]] Result<bool> has_branch(const Remote& remote, const std::string& branch);
    [[nodiscard]] Result<std::string> resolve(const std::string& revision);
    [[nodiscard]] Result<bool> is_ancestor(const std::string& ancestor,
                                           const std::string& descendant);
    [[nodiscard]] Result<std::vector<Commit>> line(const std::string& from, const std::string& to);
    [[nodiscard]] Result<Commit> range(const std::string& from, const std::string& to);
    [[nodiscard]] Result<FileAuthors> file_authors(const std::string& from, const std::string& to,
                                                   const Scope& scope);
    [[nodiscard]] Result<std::string> before(const std::string& commit);
    [[nodiscard]] Result<std::vector<TreeEntry>> tree(const std::string& commit,
                                                      const Scope& scope);
    [[nodiscard]] Result<std::vector<Change>> changes(const std::string& from,
                                                      const std::string& to, const Scope& scope);
    [[nodiscard]] Result<std::vector<Blob>> blobs(const std::vector<std::string>& ids);
    [[nodiscard]] Result<std::string> create_commit(const NewCommit& commit);
    [[nodiscard]] Result<void> push(const Remote& remote, const PushRequest& request);
    [[nodiscard]] Result<void> keep(const std::string& commit);
    [[nodiscard]] Result<void> remember_anchor(const std::string& commit,
                                               const std::string& anchor);

    /// What was found damaged in the repository; empty: nothing yet. A damaged one answers some
    /// calls with `internal`.
    [[nodiscard]] const std::string& damage() const;
    /// Fetches the branch into a new repository, which then takes the place of this one with all
    /// that was kept and remembered in it; returns, for people, what is lost of that. Then the old
    /// one stays as `<directory>.damaged`. An error changes nothing. conflict: that was
    /// done less than an hour before `now`, or given up less than five minutes before; others as
    /// for fetch.
    [[nodiscard]] Result<std::vector<std::string>> make_anew(const Remote& remote,
                                                             const std::string& branch,
                                                             Timestamp now);

    /// Why the kernel walls no child in; empty: it does, or none was asked for yet.
    [[nodiscard]] const std::string& unconfined() const;
    /// The running child, for tests and diagnosis.
    [[nodiscard]] std::optional<int> pid() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The child's main: answers requests until `fd_in` ends; both descriptors are one stream socket
/// (or its duplicates). To be called before the program starts threads or opens anything.
/// Returns the exit code.
[[nodiscard]] int run_git_child(int fd_in, int fd_out);

}  // namespace tidegate::git
