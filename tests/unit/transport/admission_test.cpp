#include "transport/admission.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace tidegate::transport {
namespace {

SocketAddress address(const std::string& text) {
    SocketAddress made;
    if (::inet_pton(AF_INET, text.c_str(), &made.value.in.sin_addr) == 1) {
        made.value.in.sin_family = AF_INET;
        made.length = sizeof made.value.in;
    } else {
        EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), &made.value.in6.sin6_addr), 1) << text;
        made.value.in6.sin6_family = AF_INET6;
        made.length = sizeof made.value.in6;
    }
    return made;
}

TEST(SourceOfTest, IsWhoPaysForAPacket) {
    const std::pair<const char*, const char*> cases[] = {
        {"192.0.2.7", "192.0.2.7"},
        {"::ffff:192.0.2.7", "192.0.2.7"},
        {"2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"},
        {"2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"},
        {"2001:db8:0:2::1", "2001:db8:0:2::/64"},
        {"::1", "::/64"},
    };
    for (const auto& [from, source] : cases) EXPECT_EQ(source_of(address(from)), source) << from;
}

class AdmissionTest : public testing::Test {
protected:
    /// Fills what there is room for.
    int begin_all(const std::string& source, bool known = false) {
        int begun = 0;
        for (; admission.has_room(source, known); ++begun) admission.begin(++last, source, known);
        return begun;
    }
    Admission admission{{.half_open_max = 10,
                         .half_open_per_source_max = 4,
                         .anonymous_max = 5,
                         .anonymous_per_source_max = 2}};
    std::uint64_t last = 0;
};

TEST_F(AdmissionTest, HalfOpenOnesAreBoundedPerSourceAndOverAll) {
    EXPECT_EQ(begin_all("a"), 4);
    EXPECT_EQ(begin_all("b"), 4);
    EXPECT_EQ(begin_all("c"), 2);
    EXPECT_EQ(begin_all("d"), 0);
    admission.end(1);
    EXPECT_EQ(begin_all("b"), 0);
    EXPECT_EQ(begin_all("d"), 1);
}

TEST_F(AdmissionTest, StrangersCannotFillTheShareOfKnownSources) {
    for (const auto* source : {"a", "b", "c"}) begin_all(source);
    EXPECT_EQ(begin_all("home", true), 4);
    EXPECT_EQ(begin_all("office", true), 4);
    EXPECT_EQ(begin_all("train", true), 2);
    admission.end(1);  // a stranger's room is none of theirs
    EXPECT_FALSE(admission.has_room("ship", true));
    EXPECT_TRUE(admission.has_room("a", false));
}

TEST_F(AdmissionTest, WhoProvesItselfMakesRoom) {
    EXPECT_EQ(begin_all("a"), 4);
    for (std::uint64_t id = 1; id <= 4; ++id) EXPECT_TRUE(admission.complete(id, false));
    EXPECT_EQ(begin_all("a"), 4);
    admission.end(1);  // is none of it any more
    EXPECT_EQ(begin_all("a"), 0);
}

TEST_F(AdmissionTest, AnonymousOnesAreBoundedPerSourceAndOverAll) {
    const auto arrives = [&](const char* source) {
        admission.begin(++last, source, false);
        if (admission.complete(last, true)) return true;
        admission.end(last);
        return false;
    };
    std::string taken;
    for (const auto* source : {"a", "a", "a", "b", "b", "b", "c", "c", "d"})
        if (arrives(source)) taken += source;
    EXPECT_EQ(taken, "aabbc");
    EXPECT_TRUE(admission.has_room("a", false)) << "certificates still get in";
    admission.end(1);
    EXPECT_TRUE(arrives("d"));
}

TEST_F(AdmissionTest, NothingIsLeftOfWhatIsOver) {
    for (int round = 0; round < 100; ++round) {
        const auto first = last + 1;
        EXPECT_EQ(begin_all("a"), 4);
        EXPECT_TRUE(admission.complete(first, true));
        EXPECT_TRUE(admission.complete(first + 1, false));
        for (auto id = first; id <= last; ++id) admission.end(id);
        for (auto id = first; id <= last; ++id) admission.end(id);  // the same thing twice
    }
}

}  // namespace
}  // namespace tidegate::transport
