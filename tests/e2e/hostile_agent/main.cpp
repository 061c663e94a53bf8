/// A peer that does not play by the rules, for the tests from outside: makes certificates that no
/// daemon would sign, and sends any request or any bytes over real QUIC. Prints what came back, one
/// JSON object per request. Exit code 0 unless the command line or a file is wrong.

#include <CLI/CLI.hpp>
#include <asio/io_context.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "transport/client.h"
#include "transport/pki.h"

namespace tidegate {
namespace {

using transport::Credential;

struct Options {
    std::string server;
    std::string pki;  ///< folder with agent.{crt,key} and ca.crt
    std::string ca;   ///< folder with ca.{crt,key}
    std::string out;
    std::string name = "nobody";
    std::string alpn = "h3";
    long long age = 0;
    long long lifetime = 86'400;
    bool anonymous = false;
    bool finish = false;
    int seconds = 15;
};

template <class T>
T must(Result<T> result) {
    if (result) return *std::move(result);
    std::cerr << "hostile-agent: " << result.error().text() << '\n';
    std::exit(1);
}

std::string read_file(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

void write_credential(const std::string& folder, const std::string& name,
                      const Credential& credential) {
    std::ofstream{folder + "/" + name + ".crt"} << credential.certificate_pem;
    std::ofstream{folder + "/" + name + ".key"} << credential.key_pem;
}

transport::Validity validity(const Options& options) {
    const auto now = std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
    return {now - Seconds{options.age}, Seconds{options.lifetime}};
}

int make_ca(const Options& options) {
    write_credential(options.out, "ca", must(transport::make_ca(validity(options))));
    return 0;
}

/// A certificate of the given CA for any name and time.
int issue(const Options& options) {
    const Credential ca{read_file(options.ca + "/ca.crt"), read_file(options.ca + "/ca.key")};
    Credential made;
    made.key_pem = must(transport::make_key());
    const auto csr = must(transport::make_csr(made.key_pem, options.name));
    made.certificate_pem = must(transport::sign_agent(ca, csr, options.name, validity(options)));
    write_credential(options.out, "agent", made);
    std::ofstream{options.out + "/ca.crt"} << ca.certificate_pem;
    return 0;
}

/// One connection with one request on it, and what came of them.
class Visit {
public:
    explicit Visit(const Options& options)
        : deadline_{std::chrono::steady_clock::now() + Seconds{options.seconds}} {
        transport::ClientOptions client;
        const auto colon = options.server.rfind(':');
        client.host = options.server.substr(0, colon);
        client.port = static_cast<std::uint16_t>(std::stoi(options.server.substr(colon + 1)));
        client.trust = transport::PinnedCa{read_file(options.pki + "/ca.crt")};
        client.alpn = options.alpn;
        if (!options.anonymous)
            client.agent = {read_file(options.pki + "/agent.crt"),
                            read_file(options.pki + "/agent.key")};
        client_ = must(transport::Client::connect(
            io_, std::move(client), {{}, [this](const auto& reason) { closed_ = reason; }}));
    }

    transport::Stream& ask(transport::ClientRequest request) {
        stream_ = client_->request(
            std::move(request),
            {[this](const transport::ResponseHead& head) { status_ = head.status; },
             {[this](std::string_view bytes) { body_ += bytes; },
              [this] { ended_ = true; },
              {},
              {}}});
        return stream_;
    }
    template <class Condition>
    void run_until(const Condition& condition) {
        while (!closed_ && !condition() && std::chrono::steady_clock::now() < deadline_) {
            io_.restart();
            io_.run_one_for(Milliseconds{50});
        }
    }
    [[nodiscard]] bool answered() const { return status_.has_value(); }
    [[nodiscard]] bool ended() const { return ended_; }

    /// Anonymous connections of one source, and those of one agent, are few.
    void leave() {
        client_->close("done");
        run_until([] { return false; });
    }

    void print() const {
        nlohmann::json line{{"status", nullptr}, {"body", body_}, {"closed", nullptr}};
        if (status_) line["status"] = *status_;
        if (closed_) line["closed"] = std::string{to_string(closed_->kind)} + ": " + closed_->text;
        using Handler = nlohmann::json::error_handler_t;
        std::cout << line.dump(-1, ' ', false, Handler::replace) << std::endl;
    }

private:
    std::chrono::steady_clock::time_point deadline_;
    asio::io_context io_;
    std::unique_ptr<transport::Client> client_;
    transport::Stream stream_;
    std::optional<int> status_;
    std::string body_;
    bool ended_ = false;
    std::optional<transport::CloseReason> closed_;
};

/// Lines `METHOD PATH [TOKEN]` on stdin, each on a connection of its own. A session's body stays
/// open, any other ends at once.
int ask(const Options& options) {
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words{line};
        transport::ClientRequest request;
        std::string token;
        words >> request.method >> request.path >> token;
        if (!token.empty()) request.headers = {{"authorization", "Bearer " + token}};
        const bool is_session = request.path == "/v1/session";
        request.body = true;
        Visit visit{options};
        auto& stream = visit.ask(std::move(request));
        if (!is_session) stream.finish();
        visit.run_until([&] { return visit.answered() && (is_session || visit.ended()); });
        visit.print();
        visit.leave();
    }
    return 0;
}

/// Opens a session, sends stdin's bytes on it as they are, and waits for its end.
int talk(const Options& options) {
    const std::string bytes{std::istreambuf_iterator<char>{std::cin}, {}};
    Visit visit{options};
    auto& stream = visit.ask({"POST", "/v1/session", {}, true});
    visit.run_until([&] { return visit.answered(); });
    std::size_t sent = 0;
    visit.run_until([&] {
        while (sent < bytes.size() && stream.queued_bytes() < limits::kSendDrainBytes) {
            const auto size = std::min<std::size_t>(bytes.size() - sent, 16 * 1024);
            if (!stream.send(bytes.substr(sent, size))) break;
            sent += size;
        }
        if (sent == bytes.size() && options.finish) stream.finish();
        return false;
    });
    visit.print();
    return 0;
}

}  // namespace
}  // namespace tidegate

int main(int argc, char** argv) {
    tidegate::Options options;
    CLI::App app{"A peer that does not play by the rules."};
    app.add_option("verb")->required()->check(CLI::IsMember({"make-ca", "issue", "ask", "talk"}));
    app.add_option("--server", options.server);
    app.add_option("--pki", options.pki);
    app.add_option("--ca", options.ca);
    app.add_option("--out", options.out);
    app.add_option("--name", options.name);
    app.add_option("--alpn", options.alpn);
    app.add_option("--age", options.age, "seconds ago when it was issued");
    app.add_option("--lifetime", options.lifetime, "seconds");
    app.add_option("--seconds", options.seconds, "patience");
    app.add_flag("--anonymous", options.anonymous, "no client certificate");
    app.add_flag("--finish", options.finish, "end the own side of the stream");
    CLI11_PARSE(app, argc, argv);
    const auto verb = app["verb"]->as<std::string>();
    if (verb == "make-ca") return tidegate::make_ca(options);
    if (verb == "issue") return tidegate::issue(options);
    return verb == "ask" ? tidegate::ask(options) : tidegate::talk(options);
}
