// A file of the config repo: read without harm, and what was read comes back from the parsed cache.
#include "schema/config/read.h"
#include "schema/model/document_codec.h"
#include "tests/fuzz/fuzzer.h"

namespace tidegate::fuzz {
namespace {

/// The place where a document that says `kind: X` belongs.
std::string path_of(std::string_view text) {
    struct Place {
        const char* kind;
        const char* path;
    };
    for (const auto& [kind, path] :
         {Place{"kind: Project", "projects/shop-api.yaml"},
          Place{"kind: Environment", "environments/staging.yaml"},
          Place{"kind: TargetList", "environments/staging/targets/a.yaml"},
          Place{"kind: ReleaseWindow", "windows/office.yaml"},
          Place{"kind: Policy", "policies/jump.yaml"},
          Place{"kind: Version", "versions/staging/shop-api.yaml"},
          Place{"kind: ApprovalList", "approvals/staging/shop-api.yaml"}})
        if (text.find(kind) != std::string_view::npos) return path;
    return "tidegate.yaml";
}

}  // namespace

void run(std::string_view input) {
    const auto path = path_of(input);
    const auto file = config::read_document(path, std::string{input});
    require(file.document || !file.errors.empty(), "no document and no reason");
    std::string kept;
    encode(file, path, kept);
    const auto same = decode_parsed_file(kept, path);
    require(same.has_value(), "what is kept can be read");
    std::string again;
    encode(*same, path, again);
    require(again == kept, "and comes back");
}

}  // namespace tidegate::fuzz
