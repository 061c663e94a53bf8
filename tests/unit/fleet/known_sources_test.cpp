#include "reconciler/fleet/known_sources.h"

#include <gtest/gtest.h>

#include "schema/base/limits.h"

namespace tidegate::fleet {
namespace {

using namespace std::chrono_literals;

TEST(KnownSourcesTest, ADayAfterItsLastSessionASourceIsUnknown) {
    KnownSources sources;
    sources.note("192.0.2.7", 1h);
    sources.note("192.0.2.7", 2h);
    sources.note("", 2h);
    EXPECT_TRUE(sources.contains("192.0.2.7", 26h - 1ms));
    EXPECT_FALSE(sources.contains("192.0.2.7", 26h));
    EXPECT_FALSE(sources.contains("192.0.2.8", 2h));
    EXPECT_FALSE(sources.contains("", 2h));
}

TEST(KnownSourcesTest, WhenThereAreTooManyTheOldestGoes) {
    KnownSources sources;
    for (std::size_t i = 0; i <= limits::kSourcesKnownMax; ++i)
        sources.note(std::to_string(i), Milliseconds{static_cast<Milliseconds::rep>(i)});
    EXPECT_FALSE(sources.contains("0", 1h));
    EXPECT_TRUE(sources.contains("1", 1h));
    EXPECT_TRUE(sources.contains(std::to_string(limits::kSourcesKnownMax), 1h));
}

}  // namespace
}  // namespace tidegate::fleet
