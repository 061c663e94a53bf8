#include <algorithm>

#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

using Texts = std::vector<std::string>;

void read_trust(Place place, Trust& out) {
    Fields fields{place};
    fields.optional("require_signatures", out.require_signatures);
    fields.optional("allowed_signers", out.allowed_signers, AsWritten{[](Place list, Nothing&) {
                        Texts unused;
                        ListOf{kNotEmpty, 1}(list, unused);
                    }});
    fields.optional("rules_soak", out.rules_soak);
    fields.finish();
}

void check_email(Fields& fields) {
    fields.checked_required<std::string>("smtp_host", kNotEmpty);
    fields.checked<int>("smtp_port", kPortNumber);
    fields.checked<std::string>("username");
    fields.checked<std::string>("password");
    fields.checked_required<std::string>("from", kNotEmpty);
    fields.checked<Texts>("to", ListOf{kNotEmpty, 1});
}

void check_channels(Fields& fields) {
    fields.checked<Nothing>("dingtalk", Object{[](Fields& channel) {
                                channel.checked_required<std::string>("webhook", kHttpUrl);
                                channel.checked<std::string>("secret");
                            }});
    fields.checked<Nothing>("wechat_work", Object{[](Fields& channel) {
                                channel.checked_required<std::string>("webhook", kHttpUrl);
                            }});
    fields.checked<Nothing>("email", Object{check_email});
    fields.checked<Nothing>("slack", Object{[](Fields& channel) {
                                channel.checked_required<std::string>("webhook", kHttpUrl);
                                channel.checked<std::string>("channel");
                            }});
    fields.checked<Nothing>("pagerduty", Object{[](Fields& channel) {
                                channel.checked_required<std::string>("routing_key", kNotEmpty);
                            }});
    fields.checked<Nothing>("webhook", Object{[](Fields& channel) {
                                channel.checked_required<std::string>("url", kHttpUrl);
                                channel.checked<std::map<std::string, std::string>>("headers",
                                                                                    Labels{});
                            }});
}

void check_rule(Fields& fields) {
    fields.checked_required<Texts>("events", ListOf{kNotEmpty, 1});
    fields.checked_required<Texts>("channels", ListOf{Word{channel_names()}, 1});
    fields.checked<Texts>("recipients", ListOf{kNotEmpty});
}

void check_notifications(Fields& fields) {
    fields.checked<Nothing>("channels", Object{check_channels});
    fields.checked<std::map<std::string, std::string>>("templates", MapOf<>{kVariableName});
    fields.checked<std::vector<Nothing>>("rules", ListOf{Object{check_rule}});
}

enum class Store { local, s3 };
constexpr auto enum_names(Store) { return std::array{"local"sv, "s3"sv}; }
enum class Registry { harbor, nexus };
constexpr auto enum_names(Registry) { return std::array{"harbor"sv, "nexus"sv}; }

void check_cleanup(Fields& fields) {
    fields.checked<int>("max_age_days", Integer{1});
    fields.checked<int>("keep_latest", Integer{1});
}

void check_store(Fields& fields, Store type) {
    if (type == Store::local) {
        fields.checked_required<std::string>("base_path", kAbsolutePath);
        fields.checked<std::string>("max_size", kSize);
    } else {
        fields.checked_required<std::string>("endpoint", kHttpUrl);
        fields.checked_required<std::string>("bucket", kNotEmpty);
        fields.checked<std::string>("access_key");
        fields.checked<std::string>("secret_key");
        fields.checked<std::string>("region", kNotEmpty);
    }
    fields.checked<Nothing>("cleanup_policy", Object{check_cleanup});
}

void check_registry(Fields& fields, Registry type) {
    fields.checked_required<std::string>("url", kHttpUrl);
    fields.checked_required<std::string>(type == Registry::harbor ? "project" : "repository",
                                         kNotEmpty);
    fields.checked<std::string>("username");
    fields.checked<std::string>("password");
}

/// `{type, config}`, where the type decides what config holds.
template <NamedEnum E>
auto typed_config(void (*check)(Fields&, E)) {
    return Object{[check](Fields& fields) {
        E type{};
        fields.choose("type", type, true, [&](Fields& chosen, E value) {
            chosen.checked_required<Nothing>("config",
                                             Object{[&](Fields& config) { check(config, value); }});
        });
    }};
}

void read_defaults(Fields& fields, Repository& out) {
    fields.optional("strategy", out.strategy);
    fields.optional("rollback", out.rollback);
    fields.optional("heal", out.heal);
    fields.optional("offline", out.offline);
}

template <class Rule>
void read_later(Fields& fields, std::string_view key, const Rule& rule, Repository& out) {
    Value written;
    fields.optional(key, written, AsWritten{rule});
    if (!fields.given(key)) return;
    warn_not_acted_on(fields.at(key));
    out.not_acted_on[std::string(key)] = std::move(written);
}

}  // namespace

const std::vector<std::string_view>& channel_names() {
    static const std::vector<std::string_view> names{"dingtalk", "wechat_work", "email",
                                                     "slack",    "pagerduty",   "webhook"};
    return names;
}

void read(Place place, Repository& out) {
    Fields fields{place};
    read_envelope(fields, DocumentKind::repository);
    fields.optional("name", out.name, kNotEmpty);
    fields.optional("trust", out.trust, read_trust);
    fields.optional("variables", out.variables);
    fields.checked<Nothing>("defaults", Object{[&](Fields& keys) { read_defaults(keys, out); }});
    read_later(fields, "notifications", Object{check_notifications}, out);
    read_later(fields, "artifact_storage", typed_config(check_store), out);
    read_later(fields, "artifact_registry", typed_config(check_registry), out);
    fields.finish();
}

}  // namespace tidegate::config
