#include "agent/daemon/agent_config.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>

#include "schema/base/paths.h"
#include "schema/base/variable_name.h"
#include "schema/config/quotes.h"
#include "schema/files/read_file.h"
#include "schema/model/deploy.h"

namespace tidegate::agent {
namespace {

/// Reads one document; the first error wins.
class Reader {
public:
    explicit Reader(std::string file) : file_{std::move(file)} {}

    using Fields = std::map<std::string, std::function<Result<void>(const YAML::Node&)>>;

    Fields fields_of(AgentConfig& config) const {
        return {{"run_as", [&](const auto& node) { return text(node, config.run_as); }},
                {"allow_root", [&](const auto& node) { return flag(node, config.allow_root); }},
                {"allow_sudo", [&](const auto& node) { return flag(node, config.allow_sudo); }},
                {"drivers", [&](const auto& node) { return drivers(node, config.drivers); }},
                {"projects", [&](const auto& node) { return names(node, config.projects); }},
                {"targets", [&](const auto& node) { return names(node, config.targets); }},
                {"work_dirs", [&](const auto& node) { return work_dirs(node, config.work_dirs); }},
                {"variables", [&](const auto& node) { return variables(node, config.variables); }},
                {"output_bytes_max",
                 [&](const auto& node) { return output_bytes(node, config.output_bytes_max); }},
                {"routers", [&](const auto& node) { return routers(node, config.routers); }}};
    }

    Result<AgentConfig> read(const YAML::Node& root) const {
        AgentConfig config;
        const auto fields = fields_of(config);
        CHECK(each(root, "agent.yaml", [&](const std::string& key, const YAML::Node& value) {
            const auto field = fields.find(key);
            if (field != fields.end()) return field->second(value);
            return Result<void>{wrong(value, "unknown key '{}'", key)};
        }));
        return config;
    }

private:
    template <class... Args>
    tl::unexpected<Error> wrong(const YAML::Node& node, fmt::format_string<Args...> format,
                                Args&&... args) const {
        auto error =
            Error{ErrorCode::invalid, fmt::format(format, std::forward<Args>(args)...), {}};
        const auto mark = node.Mark();
        return fail(std::move(error).at({file_, mark.line + 1, mark.column + 1}));
    }

    template <class Visit>
    Result<void> each(const YAML::Node& map, std::string_view what, const Visit& visit) const {
        if (map.IsNull()) return {};
        if (!map.IsMap()) return wrong(map, "{} must be a map", what);
        std::set<std::string> seen;
        for (const auto& item : map) {
            std::string key;
            CHECK(text(item.first, key));
            if (!seen.insert(key).second) return wrong(item.first, "'{}' is repeated", key);
            CHECK(visit(key, item.second));
        }
        return {};
    }

    Result<void> text(const YAML::Node& node, std::string& out) const {
        if (!node.IsScalar()) return wrong(node, "wanted a text");
        out = node.Scalar();
        return {};
    }
    Result<void> flag(const YAML::Node& node, bool& out) const {
        if (!node.IsScalar() || (node.Scalar() != "true" && node.Scalar() != "false"))
            return wrong(node, "wanted true or false");
        out = node.Scalar() == "true";
        return {};
    }
    Result<void> names(const YAML::Node& node, std::set<std::string>& out) const {
        if (!node.IsSequence() || node.size() == 0) return wrong(node, "wanted a list of names");
        for (const auto& item : node) {
            std::string name;
            CHECK(text(item, name));
            out.insert(std::move(name));
        }
        return {};
    }
    Result<void> drivers(const YAML::Node& node, std::set<std::string>& out) const {
        CHECK(names(node, out));
        for (const auto& name : out)
            if (!from_string<DeployType>(name)) return wrong(node, "no driver '{}'", name);
        return {};
    }
    Result<void> work_dirs(const YAML::Node& node, std::vector<std::string>& out) const {
        std::set<std::string> names_found;
        CHECK(names(node, names_found));
        for (const auto& path : names_found) {
            if (!path.starts_with('/')) return wrong(node, "'{}' is not an absolute path", path);
            if (has_parent_part(path)) return wrong(node, "'{}' has a '..' in it", path);
            out.push_back(path);
        }
        return {};
    }
    Result<void> paths(const YAML::Node& node, std::set<std::string>& out) const {
        std::vector<std::string> found;
        CHECK(work_dirs(node, found));
        out.insert(found.begin(), found.end());
        return {};
    }
    Result<void> backends(const YAML::Node& node, std::set<std::string>& out) const {
        CHECK(names(node, out));
        for (const auto& name : out)
            if (!is_haproxy_name(name))
                return wrong(node, "wanted names of A-Z a-z 0-9 _ . : -, got '{}'", name);
        return {};
    }
    Result<void> routers(const YAML::Node& node, RouterRules& out) const {
        return each(node, "routers", [&](const std::string& key, const YAML::Node& value) {
            if (key == "sockets") return paths(value, out.sockets);
            if (key == "backends") return backends(value, out.backends);
            if (key == "state_files") return paths(value, out.state_files);
            return Result<void>{wrong(value, "unknown key '{}'", key)};
        });
    }
    Result<void> output_bytes(const YAML::Node& node, std::size_t& out) const {
        if (!YAML::convert<std::size_t>::decode(node, out) || out < 1024 ||
            out > limits::kOutputBytesMax)
            return wrong(node, "output_bytes_max must be 1024..{}", limits::kOutputBytesMax);
        return {};
    }
    Result<void> variables(const YAML::Node& node, std::map<std::string, HostVariable>& out) const {
        CHECK(each(node, "variables", [&](const std::string& name, const YAML::Node& value) {
            return value.IsMap() ? secret(value, out[name]) : text(value, out[name].value);
        }));
        for (const auto& item : node)
            if (!is_variable_name(item.first.Scalar()))
                return wrong(item.first, "wanted a name of A-Z a-z 0-9 _, first no digit, got '{}'",
                             item.first.Scalar());
        return {};
    }
    Result<void> secret(const YAML::Node& node, HostVariable& out) const {
        out.secret = true;
        std::string type;
        CHECK(each(node, "a variable", [&](const std::string& key, const YAML::Node& value) {
            if (key == "type") return text(value, type);
            if (key == "value") return text(value, out.value);
            return Result<void>{wrong(value, "unknown key '{}'", key)};
        }));
        if (type != "secret" || out.value.empty())
            return wrong(node, "wanted a text or {{type: secret, value: …}}");
        return {};
    }

    std::string file_;
};

}  // namespace

Result<AgentConfig> parse_agent_config(const std::string& text, const std::string& file) {
    CHECK(config::check_quotes(file, text));
    try {
        return Reader{file}.read(YAML::Load(text));
    } catch (const YAML::Exception& exception) {
        return fail(config::parse_error(file, text, exception.mark.line + 1,
                                        exception.mark.column + 1, exception.msg));
    }
}

Result<AgentConfig> read_agent_config(const std::string& file) {
    return parse_agent_config(TRY(read_file(file, limits::kFileBytesMax)), file);
}

std::vector<std::string> agent_config_keys() {
    AgentConfig unused;
    std::vector<std::string> keys;
    for (const auto& [key, field] : Reader{""}.fields_of(unused)) keys.push_back(key);
    return keys;
}

std::string agent_config_warning(const AgentConfig& config, const std::string& file) {
    const bool secrets = std::ranges::any_of(
        config.variables, [](const auto& variable) { return variable.second.secret; });
    struct stat found {};
    if (!secrets || ::stat(file.c_str(), &found) != 0 || (found.st_mode & S_IROTH) == 0) return {};
    return fmt::format("{} holds secrets and everybody can read it: `chmod o-r {}`", file, file);
}

}  // namespace tidegate::agent
