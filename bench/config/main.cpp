/// Rows 1 to 3: what reading the config repo costs, beside Git's own command line, in turn.
/// `bench-config read|change RUNS PROJECTS DIR` prints the seconds of each run by name.

#include <fmt/core.h>

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "bench/config/corpus.h"
#include "reconciler/daemon/config_source.h"

namespace tidegate::bench {
namespace {

namespace fs = std::filesystem;
using Samples = std::map<std::string, std::vector<double>>;

template <class T>
T must(Result<T> result) {
    if (result) return *std::move(result);
    fmt::print(stderr, "failed: {}\n", result.error().text());
    std::exit(1);
}

void must(bool holds, std::string_view what) {
    if (holds) return;
    fmt::print(stderr, "failed: {}\n", what);
    std::exit(1);
}

struct Bench {
    int runs;
    Corpus corpus;
    fs::path root;
    fs::path remote = root / "remote.git";
    fs::path own = root / "own.git";      ///< ours
    fs::path clone = root / "clone.git";  ///< the command line's
    fs::path kept = root / "parsed";
};

git::GitProcessOptions process(const Bench& bench) {
    git::GitProcessOptions options;
    options.arguments = {"--git-child"};
    options.directory = bench.own.string();
    options.home = (bench.root / "home").string();
    return options;
}

daemon::SourceOptions source_options(const Bench& bench) {
    daemon::SourceOptions options;
    options.process = process(bench);
    options.remote.url = bench.remote.string();
    options.identity = {"Bench", "daemon@example.com"};
    options.history_file = bench.root / "history.json";
    options.parsed_file = bench.kept;
    return options;
}

/// A process that starts: it lists the commit's tree and has every document.
void read_all(const Bench& bench, const std::string& commit, const fs::path& kept, bool keep) {
    git::GitProcess git{process(bench)};
    source::DocumentReader reader{[&](const auto& ids) { return git.blobs(ids); },
                                  {kept, source::parser_identity()}};
    const auto entries = must(git.tree(commit, source::DocumentReader::scope()));
    const auto tree = must(reader.read(entries));
    must(tree.size() == bench.corpus.files(), "every file is there");
    for (const auto& [path, file] : tree) must(file->document != nullptr, path + " is valid");
    if (!keep) return;
    std::map<std::string, git::TreeEntry> by_path;
    for (const auto& entry : entries) by_path.emplace(entry.path, entry);
    must(reader.keep_only(by_path).has_value(), "kept");
}

Samples read_rows(const Bench& bench) {
    git::Remote remote;
    remote.url = bench.remote.string();
    const auto tip = must(git::GitProcess{process(bench)}.fetch(remote, "main")).tip;
    shell(fmt::format("git -C {} ls-tree -r --format='%(objectname)' {} > {}", quoted(bench.own),
                      tip, quoted(bench.root / "ids")));
    read_all(bench, tip, bench.kept, true);
    Samples samples;
    for (int run = 0; run < bench.runs; ++run) {
        samples["cat_file"].push_back(timed([&] {
            shell(fmt::format("git -C {} cat-file --batch < {} > /dev/null", quoted(bench.own),
                              quoted(bench.root / "ids")));
        }));
        samples["cold"].push_back(timed([&] { read_all(bench, tip, {}, false); }));
        samples["restart"].push_back(timed([&] { read_all(bench, tip, bench.kept, false); }));
    }
    return samples;
}

/// From a poll's first byte to the new desired state, all that the daemon does but the release.
Samples change_rows(const Bench& bench) {
    shell(
        fmt::format("git clone --quiet --mirror {} {}", quoted(bench.remote), quoted(bench.clone)));
    daemon::ConfigSource source{source_options(bench)};
    Samples samples;
    samples["first"].push_back(
        timed([&] { must(source.poll({}).desired != nullptr, "accepted"); }));
    for (int run = 0; run < bench.runs; ++run) {
        change_one_file(bench.remote, bench.corpus, run);
        samples["git"].push_back(timed([&] {
            const auto out =
                shell(fmt::format("cd {} && old=$(git rev-parse main) && git fetch "
                                  "--quiet && git diff-tree -r $old main",
                                  quoted(bench.clone)));
            must(!out.empty(), "the yardstick saw the change");
        }));
        samples["change"].push_back(
            timed([&] { must(source.poll({}).desired != nullptr, "accepted"); }));
        samples["ls_remote"].push_back(timed(
            [&] { shell(fmt::format("git ls-remote {} refs/heads/main", quoted(bench.remote))); }));
        samples["idle"].push_back(
            timed([&] { must(source.poll({}).status.poll_error.empty(), "polled"); }));
    }
    return samples;
}

}  // namespace
}  // namespace tidegate::bench

int main(int argc, char** argv) {
    using namespace tidegate;
    if (argc == 2 && std::string_view{argv[1]} == "--git-child") return git::run_git_child(0, 1);
    if (argc != 5) return 2;
    const bench::Bench bench{std::atoi(argv[2]), {.projects = std::atoi(argv[3])}, argv[4]};
    bench::make_remote(bench.remote, bench.corpus);
    const bool reading = std::string_view{argv[1]} == "read";
    const auto samples = reading ? bench::read_rows(bench) : bench::change_rows(bench);
    fmt::print("{}\n", nlohmann::json(samples).dump());
}
