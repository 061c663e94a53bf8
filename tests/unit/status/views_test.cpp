#include "reconciler/status/views.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tidegate::status {
namespace {

TEST(ViewsTest, WhatNobodySeesIsEscaped) {
    EXPECT_EQ(print(Json("2.0\xE2\x80\xAE\xC2\x9B\xE5\x8F\x91")),
              "\"2.0\\u202e\\u009b\xE5\x8F\x91\"");
}

}  // namespace
}  // namespace tidegate::status
