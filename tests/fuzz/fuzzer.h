#pragma once
/// What every fuzzer here includes, in its only .cpp: libFuzzer's entry point, and a check that
/// ends the run.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tidegate::fuzz {

/// libFuzzer keeps the input of a run that ends so.
inline void require(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

/// One per fuzzer.
void run(std::string_view input);

}  // namespace tidegate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tidegate::fuzz::run({reinterpret_cast<const char*>(data), size});
    return 0;
}
