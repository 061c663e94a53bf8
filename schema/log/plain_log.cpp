#include "schema/log/plain_log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "schema/base/utf8.h"

namespace tidegate {
namespace {

/// A message's text without what nobody sees, or malformed bytes: none can end the line, hide what
/// follows or turn it around, or drive the reader's terminal.
class CleanText final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message, const std::tm&,
                spdlog::memory_buf_t& out) override {
        const auto line = visible_line({message.payload.data(), message.payload.size()});
        out.append(line.data(), line.data() + line.size());
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<CleanText>();
    }
};

}  // namespace

void set_up_log(const std::string& name, LogColour colour) {
    spdlog::set_default_logger(colour == LogColour::never ? spdlog::stderr_logger_mt(name)
                                                          : spdlog::stderr_color_mt(name));
    auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    formatter->add_flag<CleanText>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %*");
    spdlog::set_formatter(std::move(formatter));
}

}  // namespace tidegate
