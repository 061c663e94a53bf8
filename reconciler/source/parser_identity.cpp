#include <elf.h>
#include <link.h>

#include "reconciler/source/parsed_cache.h"
#include "schema/base/digest.h"

namespace tidegate::source {
namespace {

/// The GNU build id among a segment's notes (elf(5), "Notes"); empty when it is not there.
std::string_view build_id(const char* notes, std::size_t size) {
    const auto padded = [](std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; };
    while (size >= sizeof(ElfW(Nhdr))) {
        const auto& note = *reinterpret_cast<const ElfW(Nhdr)*>(notes);
        const auto whole = sizeof note + padded(note.n_namesz) + padded(note.n_descsz);
        if (whole > size) break;
        const std::string_view name{notes + sizeof note, note.n_namesz};
        if (note.n_type == NT_GNU_BUILD_ID && name == std::string_view{"GNU\0", 4})
            return {notes + sizeof note + padded(note.n_namesz), note.n_descsz};
        notes += whole;
        size -= whole;
    }
    return {};
}

/// One loaded object: the program comes first, then its libraries.
int add_object(dl_phdr_info* object, std::size_t, void* context) {
    std::string_view id;
    for (int i = 0; i < object->dlpi_phnum && id.empty(); ++i) {
        const auto& header = object->dlpi_phdr[i];
        if (header.p_type == PT_NOTE)
            id = build_id(reinterpret_cast<const char*>(object->dlpi_addr + header.p_vaddr),
                          header.p_memsz);
    }
    auto& ids = *static_cast<std::string*>(context);
    if (ids.empty() && id.empty()) return 1;
    ids.append(id).append("/");
    return 0;
}

}  // namespace

std::string parser_identity() {
    std::string ids;
    ::dl_iterate_phdr(add_object, &ids);
    return ids.empty() ? std::string{} : Digest::of(ids).hex();
}

}  // namespace tidegate::source
