#include <gtest/gtest.h>

#include <string_view>

#include "reconciler/git/child.h"
#include "tests/integration/git/fixture.h"

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view{argv[1]} == "--git-child")
        return tidegate::git::run_git_child(0, 1);
    if (argc == 4 && std::string_view{argv[1]} == "--daemon")
        return tidegate::git::run_daemon_until_killed(argv[2], argv[3]);
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
