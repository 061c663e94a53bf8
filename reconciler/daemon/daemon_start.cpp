#include <spdlog/spdlog.h>

#include <asio/post.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "reconciler/daemon/crash_point.h"
#include "reconciler/daemon/daemon.h"
#include "reconciler/metrics/render.h"
#include "reconciler/timezone/zones.h"
#include "schema/model/json.h"

namespace tidegate::daemon {
namespace {

/// The tables from which the engine takes up where it was.
constexpr std::array kEngineTables{
    Table::release, Table::action,       Table::quarantine,     Table::block,  Table::installation,
    Table::history, Table::release_step, Table::release_target, Table::revert, Table::sides};

/// It is read anew for each call; one that is missing from the start is a mistake.
Result<void> check_token(const std::string& file) {
    std::ifstream in{file};
    std::string token;
    if (file.empty() || std::getline(in, token)) return {};
    return fail(ErrorCode::not_found, "cannot read the token in {}", file);
}

Accepted accepted_of(const std::vector<Row>& meta) {
    for (const auto& row : meta) {
        if (row.key != "accepted") continue;
        const auto body = nlohmann::json::parse(row.body, nullptr, false);
        Accepted accepted{body.value("commit", ""),
                          Timestamp{Milliseconds{body.value("at_ms", 0LL)}}};
        if (body.contains("lenient_until"))
            accepted.lenient_until = body.value("lenient_until", "");
        if (body.contains("second_until")) accepted.second_until = body.value("second_until", "");
        if (body.contains("fourth_until")) accepted.fourth_until = body.value("fourth_until", "");
        // Former builds took the form of a revert as a proof at any time.
        accepted.rebuilt_to = body.value("rebuilt_to", accepted.commit);
        return accepted;
    }
    return {};
}

/// Reverts that a former run may have pushed. Former builds kept them with their releases only.
std::set<std::string> own_commits(const std::vector<Row>& rows) {
    std::set<std::string> own;
    for (const auto& row : rows) {
        if (row.table == Table::revert)
            if (const auto revert = own_revert_from_json(row.body)) own.insert(revert->commit);
        if (row.table != Table::release) continue;
        const auto release = release_from_json(row.body);
        if (release && !release->revert_commit.empty()) own.insert(release->revert_commit);
    }
    return own;
}

}  // namespace

struct Daemon::StoredRows {
    std::vector<Row> engine;
    std::vector<Row> meta;
    std::vector<Row> tokens;
    std::vector<Row> agents;

    static Result<StoredRows> load(Store& store) {
        StoredRows rows;
        for (const auto table : kEngineTables)
            for (auto& row : TRY(store.load(table))) rows.engine.push_back(std::move(row));
        rows.meta = TRY(store.load(Table::meta));
        rows.tokens = TRY(store.load(Table::token));
        rows.agents = TRY(store.load(Table::agent));
        return rows;
    }
};

Result<std::unique_ptr<Daemon>> Daemon::start(asio::io_context& io, DaemonOptions options,
                                              DataDir& data_dir) {
    std::unique_ptr<Daemon> daemon{new Daemon{io, std::move(options), data_dir}};
    auto store = TRY(make_store(daemon->options_.store, data_dir.root(), crash_point));
    const auto epoch = TRY(store->begin_epoch(wall_clock()));
    const auto rows = TRY(StoredRows::load(*store));
    daemon->store_ = std::make_unique<StoreWorker>(std::move(store));
    daemon->life_ = engine::Life{TRY(engine::stored_life(rows.meta))};
    daemon->state_ = TRY(engine::restore(rows.engine, epoch, daemon->clocks()));
    auto& snapshot = daemon->publisher_.edit();
    snapshot.version = TIDEGATE_VERSION;
    snapshot.branch = daemon->options_.branch;
    snapshot.started_at = wall_clock();
    snapshot.epoch = epoch;
    daemon->publisher_.apply(engine::snapshot(daemon->state_, wall_clock()));
    CHECK(daemon->open_fleet(rows));
    CHECK(daemon->open_admin());
    CHECK(daemon->open_config(rows));
    daemon->live();
    daemon->publisher_.flush();
    // Last: it answers as soon as it is bound, and /healthz says that everything is.
    CHECK(daemon->open_status());
    // Whoever waits for this file finds everything bound.
    CHECK(data_dir.publish_address("http", daemon->status_->local_address()));
    return daemon;
}

Result<void> Daemon::open_fleet(const StoredRows& rows) {
    const auto listen = TRY(parse_host_port(options_.listen_agents));
    FleetOptions fleet;
    fleet.host = listen.host;
    fleet.port = listen.port;
    fleet.pki = TRY(open_pki(data_dir_.root(), wall_clock()));
    fleet.tokens = rows.tokens;
    fleet.agents = rows.agents;
    fleet.epoch = state_.epoch;
    fleet.certificate_lifetime = options_.certificate_ttl;
    logs_ = std::make_unique<ActionLogs>(data_dir_.logs());
    if (const auto strangers = rows.agents.size(); fleet.pki.made_ca && strangers > 0)
        spdlog::error(
            "agents: there was no pki/ca.crt, so a new CA was made, which {} known agents do not "
            "trust: stop, put pki/ back from a backup and start again, or enrol each anew "
            "(tidegate enroll NAME --replace)",
            strangers);
    fleet_ = TRY(Fleet::start(io_, std::move(fleet), *this));
    for (const auto& agent : fleet_->agents())
        if (agent.revoked_at) feed(engine::AgentRevoked{agent.name});
    spdlog::info("agents: listening on {} (UDP)", fleet_->local_address());
    return data_dir_.publish_address("agents", fleet_->local_address());
}

Result<void> Daemon::open_status() {
    const auto listen = TRY(parse_host_port(options_.listen_http));
    status_ = TRY(status::Server::start({
        .host = listen.host,
        .port = listen.port,
        .board = board_,
        .host_names = options_.http_hosts,
        .show_values = options_.http_show_values,
        .now = wall_clock,
        .render_metrics =
            [](const StatusSnapshot& snapshot) { return metrics::render(snapshot, wall_clock()); },
        .read_log = [folder = data_dir_.logs()](
                        const std::string& action) { return ActionLogs::read(folder, action); },
        .find_zone = find_zone,
    }));
    spdlog::info("status: http://{}", status_->local_address());
    return {};
}

Result<void> Daemon::open_config(const StoredRows& rows) {
    SourceOptions source;
    source.process.arguments = {"--git-child"};
    source.process.directory = data_dir_.git().string();
    source.process.home = data_dir_.git_home().string();
    source.process.deadline = options_.git.deadline;
    source.process.canceller = git_canceller_;
    source.remote.url = options_.repo;
    CHECK(check_token(options_.git.token_file));
    source.remote.password_file = options_.git.token_file;
    source.remote.ssh_key_file = options_.git.ssh_key;
    source.remote.known_hosts_file = options_.git.known_hosts;
    source.remote.ca_file = options_.git.ca_file;
    source.branch = options_.branch;
    source.identity = {options_.git.identity_name, options_.git.identity_email};
    source.history_file = data_dir_.cache() / "history.json";
    source.parsed_file = data_dir_.cache() / "parsed";
    source.crash_point = crash_point;
    config_worker_ = std::make_unique<Worker>([this] { source_.reset(); });
    const auto accepted = accepted_of(rows.meta);
    accepted_ = accepted.commit;
    config_worker_->post([this, source] { source_ = std::make_unique<ConfigSource>(source); });
    on_config_worker(
        [this, accepted, own = own_commits(rows.engine)] { return source_->open(accepted, own); },
        [this](Result<PollReport> report) {
            // Without the accepted commit at hand the first poll brings it.
            if (report)
                take_report(*std::move(report));
            else
                spdlog::warn("config: {}", report.error().text());
            poll();
        });
    return {};
}

}  // namespace tidegate::daemon
