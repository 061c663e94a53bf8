#pragma once
/// A real HTTP server that turns bad after so many answers.

#include <httplib.h>

#include <atomic>
#include <climits>
#include <string>
#include <thread>

namespace tidegate::agent::test {

class HttpService {
public:
    HttpService() {
        server_.Get("/health", [this](const httplib::Request&, httplib::Response& response) {
            if (++answers <= good_answers) return;
            response.status = 500;
            response.set_content("the database\nis away\n", "text/plain");
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::jthread{[this] { server_.listen_after_bind(); }};
        while (!server_.is_running()) std::this_thread::yield();
    }
    ~HttpService() { server_.stop(); }

    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(port_) + "/health";
    }

    std::atomic<int> answers = 0;
    std::atomic<int> good_answers = INT_MAX;

private:
    httplib::Server server_;
    int port_ = 0;
    std::jthread thread_;
};

}  // namespace tidegate::agent::test
