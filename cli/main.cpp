#include <unistd.h>

#include <iostream>

#include "cli/commands.h"

int main(int argc, char** argv) {
    return tidegate::cli::run(argc, argv, std::cout, std::cerr, ::isatty(STDOUT_FILENO) == 1);
}
