#include "reconciler/git/compact.h"

#include <git2/odb_backend.h>

#include <filesystem>
#include <system_error>
#include <vector>

namespace tidegate::git {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSmallPacksMax = 50;
constexpr std::uintmax_t kSmallPackBytes = 4 << 20;

std::vector<fs::path> small_indexes(const fs::path& folder) {
    std::vector<fs::path> indexes;
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator{folder, ignored}) {
        if (file.path().extension() != ".idx") continue;
        const auto size = fs::file_size(fs::path{file.path()}.replace_extension(".pack"), ignored);
        if (!ignored && size < kSmallPackBytes) indexes.push_back(file.path());
    }
    return indexes;
}

int insert_object(const git_oid* id, void* builder) {
    return git_packbuilder_insert(static_cast<git_packbuilder*>(builder), id, nullptr);
}

Result<void> insert_pack(git_packbuilder* builder, const fs::path& index) {
    Handle<git_odb> database;
    CHECK(checked(git_odb_new(out(database)), "object database"));
    git_odb_backend* pack = nullptr;
    CHECK(checked(git_odb_backend_one_pack(&pack, index.c_str()), "pack"));
    CHECK(checked(git_odb_add_backend(database.get(), pack, 1), "pack"));
    return checked(git_odb_foreach(database.get(), insert_object, builder), "pack");
}

}  // namespace

Result<bool> compact(git_repository* repository) {
    const auto folder = fs::path{git_repository_path(repository)} / "objects/pack";
    const auto indexes = small_indexes(folder);
    if (indexes.size() <= kSmallPacksMax) return false;
    Handle<git_packbuilder> builder;
    CHECK(checked(git_packbuilder_new(out(builder), repository), "new pack"));
    for (const auto& index : indexes) CHECK(insert_pack(builder.get(), index));
    CHECK(checked(git_packbuilder_write(builder.get(), nullptr, 0, nullptr, nullptr), "new pack"));
    const auto made = std::string{"pack-"} + git_packbuilder_name(builder.get()) + ".idx";
    std::error_code ignored;
    for (const auto& index : indexes) {
        if (index.filename() == made) continue;
        fs::remove(index, ignored);
        fs::remove(fs::path{index}.replace_extension(".pack"), ignored);
    }
    return true;
}

}  // namespace tidegate::git
