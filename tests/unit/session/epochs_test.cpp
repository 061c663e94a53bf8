#include "agent/session/epochs.h"

#include <gtest/gtest.h>

#include "schema/wire/messages.h"
#include "tests/integration/temp_dir.h"
#include "transport/key_files.h"
#include "transport/pki.h"

namespace tidegate::session {
namespace {

constexpr transport::Validity kValid{Timestamp{Seconds{1'800'000'000}}, std::chrono::hours{24}};

class EpochsTest : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(transport::make_private_directory(dir.path() / "pki")); }
    [[nodiscard]] static EpochProof proof(const transport::Credential& of, std::uint64_t epoch) {
        return {epoch, *transport::sign_statement(of, wire::epoch_statement(epoch))};
    }
    [[nodiscard]] static Hello introduced(const Epochs& epochs, const transport::Credential& to,
                                          std::uint64_t highest) {
        Hello hello;
        hello.highest_epoch = highest;
        epochs.introduce(hello, to.certificate_pem);
        return hello;
    }

    test::TempDir dir;
    transport::Credential ca = *transport::make_ca(kValid);
    transport::Credential other = *transport::make_ca(kValid);
};

TEST_F(EpochsTest, TheHighestProofIsGivenBackAlsoAfterARestart) {
    auto epochs = Epochs::open(dir.path());
    EXPECT_FALSE(introduced(epochs, ca, 7).epoch_proof);
    for (const auto epoch : {7U, 9U, 8U})
        ASSERT_TRUE(epochs.welcomed(epoch, proof(ca, epoch), ca.certificate_pem, 9));
    for (const auto& kept : {epochs, Epochs::open(dir.path())}) {
        const auto hello = introduced(kept, ca, 9);
        EXPECT_EQ(hello.highest_epoch, 9U);
        EXPECT_EQ(hello.capabilities, std::vector<std::string>{"epoch.proof"});
        ASSERT_TRUE(hello.epoch_proof);
        EXPECT_EQ(hello.epoch_proof->epoch, 9U);
        EXPECT_TRUE(transport::is_signed_by(ca.certificate_pem, wire::epoch_statement(9),
                                            hello.epoch_proof->signature));
    }
}

TEST_F(EpochsTest, WhatIsNoProofIsNotKept) {
    auto epochs = Epochs::open(dir.path());
    EXPECT_FALSE(epochs.welcomed(7, proof(other, 7), ca.certificate_pem, 0));
    EXPECT_FALSE(epochs.welcomed(7, EpochProof{8, proof(ca, 7).signature}, ca.certificate_pem, 0));
    EXPECT_TRUE(epochs.welcomed(7, std::nullopt, ca.certificate_pem, 0));
    EXPECT_FALSE(introduced(epochs, ca, 7).epoch_proof);
    EXPECT_EQ(epochs.inward(7), 7U);
}

TEST_F(EpochsTest, AnotherCaCountsFromAboveWhatTheHostHasSeen) {
    auto epochs = Epochs::open(dir.path());
    ASSERT_TRUE(epochs.welcomed(900, proof(ca, 900), ca.certificate_pem, 0));
    const auto stranger = introduced(epochs, other, 900);
    EXPECT_EQ(stranger.highest_epoch, 0U);
    EXPECT_FALSE(stranger.epoch_proof);
    ASSERT_TRUE(epochs.welcomed(5, proof(other, 5), other.certificate_pem, 900));
    // A crash before the host has it on disk changes nothing.
    epochs = Epochs::open(dir.path());
    ASSERT_TRUE(epochs.welcomed(5, proof(other, 5), other.certificate_pem, 900));
    EXPECT_EQ(epochs.inward(5), 901U);
    EXPECT_EQ(epochs.outward(901), 5U);
    EXPECT_EQ(epochs.outward(900), 4U);
    EXPECT_EQ(epochs.outward(3), 0U);
    EXPECT_EQ(introduced(epochs, other, 901).highest_epoch, 5U);
    // A higher one needs no lift.
    ASSERT_TRUE(epochs.welcomed(2'000, proof(ca, 2'000), ca.certificate_pem, 901));
    EXPECT_EQ(epochs.inward(2'000), 2'000U);
}

TEST_F(EpochsTest, ADamagedFileCountsAsNone) {
    for (const auto* content : {"", "\n", "x 0 7\nsignature", "abc", "7 7 7\n"}) {
        ASSERT_TRUE(transport::write_private_file(dir.path() / "pki" / "epoch", content));
        const auto epochs = Epochs::open(dir.path());
        EXPECT_FALSE(epochs.proof()) << content;
        EXPECT_EQ(epochs.inward(7), 7U) << content;
    }
}

}  // namespace
}  // namespace tidegate::session
