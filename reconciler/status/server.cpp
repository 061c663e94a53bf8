#include "reconciler/status/server.h"

#include "reconciler/status/front.h"
#include "reconciler/status/routes.h"
#include "reconciler/status/streams.h"

namespace tidegate::status {
namespace {

HostNames names_of(const Options& options) {
    auto names = own_host_names();
    names.insert(names.end(), options.host_names.begin(), options.host_names.end());
    names.push_back(options.host);
    return HostNames{names};
}

}  // namespace

class Server::Impl {
public:
    Impl(Options options, Listener listener, Wake wake)
        : board_(options.board),
          services_{std::move(options.now),
                    std::move(options.render_metrics),
                    std::move(options.read_log),
                    std::move(options.find_zone),
                    [this] { return streams_.has_room(); },
                    options.show_values},
          streams_(board_),
          front_(
              std::move(listener), std::move(wake), names_of(options),
              [this](const Request& request) {
                  const auto snapshot = board_.get();
                  return answer(request, snapshot.get(), services_);
              },
              [this](Socket socket, Watch watch) {
                  streams_.add(std::move(socket), std::move(watch));
              }) {}

    [[nodiscard]] const std::string& local_address() const { return front_.local_address(); }
    void stop() {
        front_.stop();
        streams_.stop();
    }

private:
    SnapshotBoard& board_;
    Services services_;
    Streams streams_;
    Front front_;
};

Result<std::unique_ptr<Server>> Server::start(Options options) {
    auto wake = TRY(Wake::create());
    auto listener = TRY(listen_on(options.host, options.port));
    return std::unique_ptr<Server>(new Server(
        std::make_unique<Impl>(std::move(options), std::move(listener), std::move(wake))));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { stop(); }
const std::string& Server::local_address() const { return impl_->local_address(); }
void Server::stop() { impl_->stop(); }

}  // namespace tidegate::status
