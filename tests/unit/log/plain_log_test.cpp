#include "schema/log/plain_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace tidegate {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PlainLogTest, AMessageIsOneLineWhateverOthersPutIntoIt) {
    set_up_log("test", LogColour::on_a_terminal);
    testing::internal::CaptureStderr();
    spdlog::warn(
        "agent web-1: {}",
        "\xE2\x80\xAE\xE2\x80\x8B"
        "exit 1\n2026-01-01T00:00:00.000Z info all is well\r\x1b[2K\xc2\x9b\x9b\x07 end\n");
    spdlog::default_logger()->flush();
    const auto written = testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::ranges::count(written, '\n'), 1) << written;
    EXPECT_THAT(written, HasSubstr("Z warning agent web-1: ??exit 1 2026"));
    EXPECT_THAT(written, HasSubstr("end\n"));
    for (const auto* raw : {"\r", "\x1b", "\xc2\x9b", "\x07"})
        EXPECT_THAT(written, Not(HasSubstr(raw)));
    EXPECT_EQ(written.find("\x9b"), std::string::npos);
}

}  // namespace
}  // namespace tidegate
