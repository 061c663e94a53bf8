// The cache of parsed files, damaged on disk in any way.
#include "schema/model/document_codec.h"
#include "tests/fuzz/fuzzer.h"

namespace tidegate::fuzz {

void run(std::string_view input) { (void)decode_parsed_file(input, "projects/shop-api.yaml"); }

}  // namespace tidegate::fuzz
