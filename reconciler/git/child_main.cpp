#include <sys/prctl.h>
#include <sys/resource.h>
#include <csignal>

#include <functional>
#include <map>
#include <new>
#include <tuple>

#include "reconciler/git/channel.h"
#include "reconciler/git/child.h"
#include "reconciler/git/codec.h"
#include "reconciler/git/confine.h"
#include "reconciler/git/repository.h"

namespace tidegate::git {
namespace {

using Handler = std::function<Result<void>(Channel&, Repository&, const json& arguments)>;

Result<void> send_error(Channel& channel, const Error& error) {
    return channel.send({{"error", error}});
}

Result<void> send_and_flush(Channel& channel, const Error& error) {
    CHECK(send_error(channel, error));
    return channel.flush();
}

Result<void> send_value(Channel& channel, const Result<void>& result) {
    return result ? channel.send({{"value", nullptr}}) : send_error(channel, result.error());
}
template <class T>
Result<void> send_value(Channel& channel, const Result<T>& result) {
    return result ? channel.send({{"value", *result}}) : send_error(channel, result.error());
}
/// Lists go item by item, so that no message grows with the repository.
template <class T>
Result<void> send_value(Channel& channel, const Result<std::vector<T>>& result) {
    if (!result) return send_error(channel, result.error());
    for (const auto& item : *result) CHECK(channel.send({{"item", item}}));
    return channel.send({{"value", nullptr}});
}

Result<void> send_value(Channel& channel, const Result<FileAuthors>& result) {
    if (!result) return send_error(channel, result.error());
    for (const auto& file : *result) CHECK(channel.send({{"item", file}}));
    return channel.send({{"value", nullptr}});
}

template <class Method, class... Parameters>
Handler make_handler(Method method, std::type_identity<std::tuple<Parameters...>>) {
    return [method](Channel& channel, Repository& repository, const json& arguments) {
        const auto values = arguments.get<std::tuple<std::decay_t<Parameters>...>>();
        return std::apply(
            [&](const auto&... value) {
                return send_value(channel, std::invoke(method, repository, value...));
            },
            values);
    };
}
template <class R, class... Parameters>
Handler handler(R (Repository::*method)(Parameters...)) {
    return make_handler(method, std::type_identity<std::tuple<Parameters...>>{});
}
template <class R, class... Parameters>
Handler handler(R (Repository::*method)(Parameters...) const) {
    return make_handler(method, std::type_identity<std::tuple<Parameters...>>{});
}

const std::map<std::string, Handler, std::less<>>& handlers() {
    static const std::map<std::string, Handler, std::less<>> table{
        {"fetch", handler(&Repository::fetch)},
        {"has_branch", handler(&Repository::has_branch)},
        {"resolve", handler(&Repository::resolve)},
        {"is_ancestor", handler(&Repository::is_ancestor)},
        {"line", handler(&Repository::line)},
        {"range", handler(&Repository::range)},
        {"file_authors", handler(&Repository::file_authors)},
        {"before", handler(&Repository::before)},
        {"tree", handler(&Repository::tree)},
        {"changes", handler(&Repository::changes)},
        {"blobs", handler(&Repository::blobs)},
        {"create_commit", handler(&Repository::create_commit)},
        {"push", handler(&Repository::push)},
        {"keep", handler(&Repository::keep)},
        {"remember_anchor", handler(&Repository::remember_anchor)},
        {"take_over", handler(&Repository::take_over)},
    };
    return table;
}

void limit(__rlimit_resource what, rlim_t soft, rlim_t hard) {
    const rlimit values{soft, hard};
    ::setrlimit(what, &values);
}

void limit_use(const Hello& hello) {
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_NOFILE, hello.open_files_max, hello.open_files_max);
    if (hello.memory_bytes_max > 0)
        limit(RLIMIT_AS, hello.memory_bytes_max, hello.memory_bytes_max);
}

/// The kernel counts over the life of the process; the limit is meant for one request.
void allow_cpu(std::int64_t seconds) {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    limit(RLIMIT_CPU, static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec + seconds),
          RLIM_INFINITY);
}

/// Tells the daemon how a transfer comes along, not of every byte.
Progress teller(Channel& channel) {
    constexpr std::size_t kBytesPerMessage = 4 * 1024;
    return [&channel, told = std::size_t{0}](std::size_t bytes) mutable {
        if (bytes >= told && bytes - told < kBytesPerMessage) return;
        told = bytes;
        // Where the daemon is gone the answer cannot be sent either.
        if (channel.send({{"progress", bytes}})) static_cast<void>(channel.flush());
    };
}

/// Does what was asked. An answer that fits neither into this process's memory nor into a message
/// is an answer too: who would ask again would get no other.
Result<void> answer(Channel& channel, Repository& repository, const json& request) try {
    const auto& handle = handlers().at(request.at("op").get<std::string>());
    const auto said = handle(channel, repository, request.at("arguments"));
    const bool too_long = !said && said.error().code == ErrorCode::exhausted;
    return too_long ? send_error(channel, said.error()) : said;
} catch (const std::bad_alloc&) {
    return send_error(channel, {ErrorCode::exhausted, "the answer takes too much memory", {}});
}

Result<void> serve(Channel& channel) {
    const auto hello = TRY(channel.receive()).get<Hello>();
    limit_use(hello);
    allow_cpu(hello.cpu_seconds_max);
    const auto walled = hello.confined ? confine_child(hello) : Result<void>{};
    const bool without = !walled && walled.error().code == ErrorCode::unavailable;
    if (!walled && !without) return send_and_flush(channel, walled.error());
    auto repository = Repository::open_or_init(hello.directory);
    const auto said = without ? json(walled.error().message) : json();
    CHECK(repository ? channel.send({{"value", said}}) : send_error(channel, repository.error()));
    CHECK(channel.flush());
    if (!repository) return {};
    repository->on_progress(teller(channel));
    for (;;) {
        const auto request = TRY(channel.receive());
        allow_cpu(hello.cpu_seconds_max);
        CHECK(answer(channel, *repository, request));
        CHECK(channel.flush());
    }
}

}  // namespace

int run_git_child(int fd_in, int fd_out) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::signal(SIGPIPE, SIG_IGN);
    Channel channel{fd_in, fd_out};
    try {
        const auto ended = serve(channel);
        return ended || ended.error().code == ErrorCode::unavailable ? 0 : 1;
    } catch (const std::exception&) {
        return 1;
    }
}

}  // namespace tidegate::git
