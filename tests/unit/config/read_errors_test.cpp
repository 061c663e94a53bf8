#include "tests/unit/config/documents.h"

namespace tidegate::config {
namespace {

TEST(PlaceholderTest, None) {}

}  // namespace
}  // namespace tidegate::config
