#include "reconciler/git/child.h"

#include <sys/wait.h>
#include <csignal>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <system_error>

#include "reconciler/git/channel.h"
#include "reconciler/git/codec.h"
#include "reconciler/git/heir.h"
#include "reconciler/git/local_git.h"
#include "reconciler/git/spawn.h"
#include "schema/base/limits.h"
#include "schema/base/utf8.h"
#include "schema/files/read_file.h"

namespace tidegate::git {
namespace {

/// libgit2 loses a little memory here and there; a new child costs a few milliseconds.
constexpr std::size_t kCallsPerChild = 10'000;

std::string describe_end(int status) {
    if (WIFSIGNALED(status)) return fmt::format("died of {}", ::strsignal(WTERMSIG(status)));
    return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

std::vector<std::string> child_environment(const std::string& home) {
    const char* path = std::getenv("PATH");
    return {"HOME=" + home, "PATH=" + std::string{path ? path : "/usr/bin:/bin"}, "LC_ALL=C"};
}

/// A wall keeps open only what is there when it is made.
Result<void> make_folder(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return fail(ErrorCode::unavailable, "cannot make {}: {}", path, error.message());
    return {};
}

using ItemSink = std::function<void(const json&)>;

/// What the child said: a value, or an error of the repository. The child itself is well.
struct Answer {
    json value;
    std::optional<Error> error;
};

/// Puts the deadline of a call off while its transfer moves.
class Pace {
public:
    Pace(Channel& channel, const GitProcessOptions& options)
        : channel_{channel},
          options_{options},
          end_{Clock::now() + std::max(options.longest, options.deadline)},
          enough_{std::max<std::size_t>(1, options.slowest_bytes_per_second *
                                               static_cast<std::size_t>(options.deadline.count()) /
                                               1000)} {
        channel_.set_deadline(Clock::now() + options_.deadline);
    }
    /// `bytes`: of the transfer so far.
    void heard(std::size_t bytes) {
        if (bytes < counted_) counted_ = 0;  // another transfer
        if (bytes - counted_ < enough_) return;
        counted_ = bytes;
        channel_.extend(std::min(end_, Clock::now() + options_.deadline));
    }

private:
    using Clock = std::chrono::steady_clock;

    Channel& channel_;
    const GitProcessOptions& options_;
    Clock::time_point end_;
    std::size_t enough_;
    std::size_t counted_ = 0;
};

Result<Answer> read_answer(Channel& channel, const ItemSink& sink, Pace& pace) {
    std::size_t items = 0;
    try {
        for (;;) {
            auto message = TRY(channel.receive());
            if (message.contains("progress")) {
                pace.heard(message["progress"].get<std::size_t>());
                continue;
            }
            if (message.contains("error")) return Answer{{}, message["error"].get<Error>()};
            if (message.contains("value")) return Answer{std::move(message["value"]), {}};
            if (!sink) return fail(ErrorCode::invalid, "a list, expected one value");
            if (++items > limits::kTreeFilesMax || channel.received() > limits::kGitReplyBytesMax)
                return fail(ErrorCode::exhausted, "git's answer exceeds {} items or {} bytes",
                            limits::kTreeFilesMax, limits::kGitReplyBytesMax);
            sink(message.at("item"));
        }
    } catch (const json::exception& error) {
        return fail(ErrorCode::invalid, "{}", error.what());
    }
}

}  // namespace

struct GitProcess::State {
    GitProcessOptions options;
    Spawned child;
    std::optional<Channel> channel;
    std::size_t calls = 0;  ///< since the child was started
    bool confined = true;
    std::vector<std::string> credentials;  ///< that the child may read
    std::string unconfined;
    std::string damage;

    explicit State(GitProcessOptions with) : options{std::move(with)} {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { stop(); }

    template <class T, class... Arguments>
    Result<T> ask(const char* operation, const Arguments&... arguments) {
        const auto value = TRY(exchange(request(operation, arguments...), {}));
        try {
            if constexpr (std::is_void_v<T>)
                return {};
            else
                return value.template get<T>();
        } catch (const json::exception& error) {
            return fail(ErrorCode::unavailable, "the git child {}: {}", stop(), error.what());
        }
    }
    template <class T, class... Arguments>
    Result<std::vector<T>> ask_list(const char* operation, const Arguments&... arguments) {
        std::vector<T> list;
        CHECK(exchange(request(operation, arguments...),
                       [&](const json& item) { list.push_back(item.get<T>()); }));
        return list;
    }
    Result<ReadyRemote> prepare_for(const Remote& remote);
    std::string stop();

private:
    template <class... Arguments>
    static json request(const char* operation, const Arguments&... arguments) {
        auto list = json::array();
        (list.push_back(json(arguments)), ...);
        return {{"op", operation}, {"arguments", std::move(list)}};
    }
    Result<json> exchange(const json& message, const ItemSink& sink);
    Result<json> say(const json& message, const ItemSink& sink);
    Result<void> start();
    Result<void> start_child();
};

/// Ends the child and all that it started; says how it ended.
std::string GitProcess::State::stop() {
    if (child.pid < 0) return "is not running";
    channel.reset();
    {
        const std::lock_guard lock{options.canceller->mutex_};
        options.canceller->child_ = -1;
    }
    ::kill(-child.pid, SIGKILL);
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    child = Spawned{};
    return describe_end(status);
}

/// A child that was let out serves remotes on this machine on; elsewhere each call gets its own.
Result<ReadyRemote> GitProcess::State::prepare_for(const Remote& remote) {
    ReadyRemote ready{remote};
    const bool local = local_folder(remote.url).has_value();
    if (local && !confined) return ready;
    stop();
    confined = !local;
    credentials.clear();
    if (local) return ready;
    credentials = {remote.ssh_key_file, remote.known_hosts_file, remote.ca_file};
    if (remote.password_file.empty()) return ready;
    const auto text = TRY(read_file(remote.password_file, limits::kPemBytesMax));
    ready.password = text.substr(0, text.find('\n'));
    return ready;
}

Result<void> GitProcess::State::start() {
    CHECK(make_folder(options.home));
    CHECK(make_folder(options.directory));
    CHECK(start_child());
    calls = 0;
    channel.emplace(child.socket.get(), child.socket.get());
    const Hello hello{options.directory,
                      options.memory_bytes_max,
                      options.cpu_max.count(),
                      options.open_files_max,
                      options.home,
                      confined,
                      credentials,
                      options.former};
    auto opened = say(hello, {});
    if (!opened) {
        stop();
        return fail(std::move(opened).error());
    }
    if (opened->is_string()) unconfined = to_utf8(opened->get<std::string>());
    return {};
}

Result<void> GitProcess::State::start_child() {
    SpawnOptions spawning{{options.executable}, child_environment(options.home), true, false};
    for (const auto& argument : options.arguments) spawning.command.push_back(argument);
    auto& canceller = *options.canceller;
    const std::lock_guard lock{canceller.mutex_};
    if (canceller.cancelled_) return fail(ErrorCode::unavailable, "git was told to end");
    child = TRY(spawn(spawning));
    canceller.child_ = child.pid;
    return {};
}

Result<json> GitProcess::State::exchange(const json& message, const ItemSink& sink) {
    if (++calls >= kCallsPerChild) stop();
    if (child.pid < 0) CHECK(start());
    return say(message, sink);
}

Result<json> GitProcess::State::say(const json& message, const ItemSink& sink) {
    Pace pace{*channel, options};
    const auto attempt = [&]() -> Result<Answer> {
        CHECK(channel->send(message));
        CHECK(channel->flush());
        return read_answer(*channel, sink, pace);
    };
    auto answer = attempt();
    if (answer && answer->error) {
        if (answer->error->code == ErrorCode::internal) damage = answer->error->message;
        return fail(std::move(*answer->error));
    }
    if (answer) return std::move(answer->value);
    const auto end = stop();
    switch (answer.error().code) {
        case ErrorCode::timeout:
            return fail(ErrorCode::timeout, "git gave no answer and less than {} bytes/s in {} ms",
                        options.slowest_bytes_per_second, options.deadline.count());
        case ErrorCode::exhausted:
            return fail(std::move(answer).error());
        default:
            return fail(ErrorCode::unavailable, "the git child {}: {}", end,
                        answer.error().message);
    }
}

void Canceller::cancel() {
    const std::lock_guard lock{mutex_};
    cancelled_ = true;
    if (child_ > 0) ::kill(-child_, SIGKILL);
}

GitProcess::GitProcess(GitProcessOptions options)
    : state_{std::make_unique<State>(std::move(options))} {
    remove_heir(state_->options.directory);
}
GitProcess::GitProcess(GitProcess&&) noexcept = default;
GitProcess& GitProcess::operator=(GitProcess&&) noexcept = default;
GitProcess::~GitProcess() = default;

Result<Fetched> GitProcess::fetch(const Remote& remote, const std::string& branch) {
    return state_->ask<Fetched>("fetch", TRY(state_->prepare_for(remote)), branch);
}
Result<bool> GitProcess::has_branch(const Remote& remote, const std::string& branch) {
    return state_->ask<bool>("has_branch", TRY(state_->prepare_for(remote)), branch);
}
Result<std::string> GitProcess::resolve(const std::string& revision) {
    return state_->ask<std::string>("resolve", revision);
}
Result<bool> GitProcess::is_ancestor(const std::string& ancestor, const std::string& descendant) {
    return state_->ask<bool>("is_ancestor", ancestor, descendant);
}
Result<std::vector<Commit>> GitProcess::line(const std::string& from, const std::string& to) {
    return state_->ask_list<Commit>("line", from, to);
}
Result<Commit> GitProcess::range(const std::string& from, const std::string& to) {
    return state_->ask<Commit>("range", from, to);
}
Result<FileAuthors> GitProcess::file_authors(const std::string& from, const std::string& to,
                                             const Scope& scope) {
    const auto files = TRY(state_->ask_list<AuthoredFile>("file_authors", from, to, scope));
    return FileAuthors{files.begin(), files.end()};
}
Result<std::string> GitProcess::before(const std::string& commit) {
    return state_->ask<std::string>("before", commit);
}
Result<std::vector<TreeEntry>> GitProcess::tree(const std::string& commit, const Scope& scope) {
    return state_->ask_list<TreeEntry>("tree", commit, scope);
}
Result<std::vector<Change>> GitProcess::changes(const std::string& from, const std::string& to,
                                                const Scope& scope) {
    return state_->ask_list<Change>("changes", from, to, scope);
}
Result<std::vector<Blob>> GitProcess::blobs(const std::vector<std::string>& ids) {
    return state_->ask_list<Blob>("blobs", ids);
}
Result<std::string> GitProcess::create_commit(const NewCommit& commit) {
    return state_->ask<std::string>("create_commit", commit);
}
Result<void> GitProcess::push(const Remote& remote, const PushRequest& request) {
    return state_->ask<void>("push", TRY(state_->prepare_for(remote)), request);
}
Result<void> GitProcess::keep(const std::string& commit) {
    return state_->ask<void>("keep", commit);
}
Result<void> GitProcess::remember_anchor(const std::string& commit, const std::string& anchor) {
    return state_->ask<void>("remember_anchor", commit, anchor);
}
const std::string& GitProcess::damage() const { return state_->damage; }
Result<std::vector<std::string>> GitProcess::make_anew(const Remote& remote,
                                                       const std::string& branch, Timestamp now) {
    const auto& directory = state_->options.directory;
    CHECK(may_be_made_anew(directory, now));
    CHECK(clear_heir(directory));
    state_->stop();
    auto options = state_->options;
    options.directory = heir_of(directory);
    options.former = directory;
    std::vector<std::string> lost;
    {
        GitProcess heir{options};
        CHECK(heir.has_branch(remote, branch));
        if (auto fetched = heir.fetch(remote, branch); !fetched) {
            note_given_up(directory, now);
            return fail(std::move(fetched).error());
        }
        lost = TRY(heir.state_->ask_list<std::string>("take_over", directory));
    }
    CHECK(inherit(directory, !lost.empty(), now));
    state_->damage.clear();
    return lost;
}
const std::string& GitProcess::unconfined() const { return state_->unconfined; }
std::optional<int> GitProcess::pid() const {
    if (state_->child.pid < 0) return std::nullopt;
    return state_->child.pid;
}

}  // namespace tidegate::git
