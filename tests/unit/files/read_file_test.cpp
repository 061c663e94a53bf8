#include "schema/files/read_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>

#include "tests/integration/temp_dir.h"

namespace tidegate {
namespace {

constexpr std::size_t kBytesMax = 200'000;

struct ReadCase {
    const char* name;
    std::function<void(const std::string& path)> make;
    ErrorCode code;
    const char* error;  ///< after "cannot read <path>: "
};

TEST(ReadFileTest, GivesTheWholeFile) {
    const test::TempDir dir;
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kBytesMax}) {
        const std::string text(size, 'x');
        test::write_text(dir / "file", text);
        const auto read = read_file(dir / "file", kBytesMax);
        ASSERT_TRUE(read) << read.error().text();
        EXPECT_EQ(*read, text);
    }
    std::filesystem::create_symlink(dir / "file", dir / "link");
    EXPECT_TRUE(read_file(dir / "link", kBytesMax));
    EXPECT_TRUE(read_file("/proc/self/status", kBytesMax)) << "a file without a size";
}

TEST(ReadFileTest, OrSaysWhyNot) {
    for (const auto& [name, make, code, error] :
         {ReadCase{"missing", [](auto&) {}, ErrorCode::not_found, "No such file or directory"},
          ReadCase{"folder", [](auto& path) { std::filesystem::create_directory(path); },
                   ErrorCode::invalid, "it is a folder"},
          ReadCase{"pipe", [](auto& path) { ::mkfifo(path.c_str(), 0600); }, ErrorCode::invalid,
                   "it is not a regular file"},
          ReadCase{"large",
                   [](auto& path) { test::write_text(path, std::string(kBytesMax + 1, 'x')); },
                   ErrorCode::exhausted, "it has more than 200000 bytes"}}) {
        const test::TempDir dir;
        make(dir / name);
        const auto read = read_file(dir / name, kBytesMax);
        ASSERT_FALSE(read) << name;
        EXPECT_EQ(read.error().code, code) << name;
        EXPECT_EQ(read.error().message, "cannot read " + dir / name + ": " + error);
    }
}

}  // namespace
}  // namespace tidegate
