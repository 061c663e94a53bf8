#include "reconciler/status/server.h"

namespace tidegate::status {

class Server::Impl {
public:
    std::string address;
};

Result<std::unique_ptr<Server>> Server::start(Options) {
    return fail(ErrorCode::internal, "the status endpoint is not built yet");
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { stop(); }
const std::string& Server::local_address() const { return impl_->address; }
void Server::stop() {}

}  // namespace tidegate::status
