#include "reconciler/git/damage.h"

#include <array>
#include <filesystem>
#include <fstream>

#include "reconciler/git/entries.h"
#include "schema/base/utf8.h"

namespace tidegate::git {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLookBytesMax = 256 << 20;

std::string quoted(const git_oid& id) { return "object " + to_text(id); }

/// What a file of refs/ names; none: it is no ref.
std::optional<git_oid> ref_target(const fs::path& file) {
    std::array<char, GIT_OID_HEXSZ + 1> text{};
    std::ifstream in{file, std::ios::binary};
    git_oid id{};
    const bool whole = in.read(text.data(), GIT_OID_HEXSZ) &&
                       git_oid_fromstrn(&id, text.data(), GIT_OID_HEXSZ) == 0;
    const int next = whole ? in.get() : 0;
    if (!whole || (next != '\n' && next != std::ifstream::traits_type::eof())) return std::nullopt;
    return id;
}

/// The first ref of ours that `wrong` says something about.
template <class Wrong>
std::optional<std::string> first_wrong_ref(const fs::path& directory, const Wrong& wrong) {
    std::error_code ignored;
    fs::recursive_directory_iterator refs{directory / "refs/tidegate", ignored};
    for (; refs != fs::recursive_directory_iterator{}; refs.increment(ignored)) {
        if (ignored) return std::nullopt;
        if (!refs->is_regular_file(ignored) || refs->path().extension() == ".lock") continue;
        const auto name = to_utf8(refs->path().lexically_relative(directory).string());
        if (auto why = wrong(name, ref_target(refs->path()))) return why;
    }
    return std::nullopt;
}

/// `bytes` of a file from `offset`, counted from its end where that is negative; empty: it is
/// shorter.
std::string part_of(const fs::path& file, std::streamoff offset, std::size_t bytes) {
    std::string part(bytes, '\0');
    std::ifstream in{file, std::ios::binary};
    in.seekg(offset, offset < 0 ? std::ios::end : std::ios::beg);
    return in.read(part.data(), static_cast<std::streamsize>(bytes)) ? part : std::string{};
}

/// Begin and end of a pack, as its index knows them (gitformat-pack(5)).
bool is_whole_pack(const fs::path& pack, const fs::path& index) {
    constexpr std::streamoff kChecksum = GIT_OID_RAWSZ;
    const auto checksum = part_of(pack, -kChecksum, GIT_OID_RAWSZ);
    return part_of(pack, 0, 4) == "PACK" && part_of(index, 0, 4) == "\377tOc" &&
           !checksum.empty() && checksum == part_of(index, -2 * kChecksum, GIT_OID_RAWSZ);
}

/// Somebody removed it while it was open.
std::optional<std::string> missing_part(const fs::path& directory) {
    std::error_code ignored;
    for (const auto* part : {"HEAD", "refs", "objects"})
        if (!fs::exists(directory / part, ignored))
            return "there is no " + to_utf8((directory / part).string());
    return std::nullopt;
}

/// Reads objects until one cannot be read, or enough were.
struct ObjectLook {
    git_odb* database;
    std::size_t bytes = 0;
    std::optional<std::string> damage;

    static int visit(const git_oid* id, void* payload) {
        auto& look = *static_cast<ObjectLook*>(payload);
        Handle<git_odb_object> object;
        if (const auto read = checked(git_odb_read(out(object), look.database, id), quoted(*id));
            !read) {
            look.damage = read.error().message;
            return GIT_EUSER;
        }
        look.bytes += git_odb_object_size(object.get());
        return look.bytes > kLookBytesMax ? GIT_EUSER : 0;
    }
};

}  // namespace

std::optional<std::string> damaged_ref(const std::string& directory) {
    return first_wrong_ref(directory, [](const auto& name, const auto& target) {
        return target ? std::nullopt : std::optional{name + " names no commit"};
    });
}

std::map<std::string, std::optional<git_oid>> refs_below(const std::string& directory,
                                                         std::string_view prefix) {
    std::map<std::string, std::optional<git_oid>> refs;
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator{fs::path{directory} / prefix, ignored})
        if (file.is_regular_file(ignored) && file.path().extension() != ".lock")
            refs.emplace(file.path().filename().string(), ref_target(file.path()));
    return refs;
}

std::optional<std::string> damaged_pack(const std::string& directory) {
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator{fs::path{directory} / "objects/pack", ignored}) {
        const auto extension = file.path().extension();
        if (extension != ".pack" && extension != ".idx") continue;
        const auto pack = fs::path{file}.replace_extension(".pack");
        if (!is_whole_pack(pack, fs::path{file}.replace_extension(".idx")))
            return to_utf8(pack.filename().string()) + " or its index is not whole";
    }
    return std::nullopt;
}

std::optional<std::string> find_damage(git_repository* repository) {
    const std::string directory = git_repository_path(repository);
    if (auto part = missing_part(directory)) return part;
    if (auto ref = damaged_ref(directory)) return ref;
    if (auto pack = damaged_pack(directory)) return pack;
    const auto database = open_database(repository);
    if (!database) return database.error().message;
    auto lost = first_wrong_ref(directory, [&](const auto& name, const auto& target) {
        const bool there = target && git_odb_exists(database->get(), &*target) != 0;
        return there ? std::nullopt : std::optional{name + " names a commit that is not there"};
    });
    if (lost) return lost;
    ObjectLook look{database->get(), 0, std::nullopt};
    git_odb_foreach(database->get(), ObjectLook::visit, &look);
    return look.damage;
}

std::optional<std::string> why_lost(git_repository* repository, const std::string& commit) {
    const fs::path directory{git_repository_path(repository)};
    if (auto pack = damaged_pack(directory)) return pack;
    std::error_code ignored;
    if (!fs::is_regular_file(directory / kAcceptedRefs / commit, ignored)) return std::nullopt;
    return "it was kept here";
}

Result<void> checked_part(int code, std::string_view what) {
    auto result = checked(code, what);
    if (!result && result.error().code == ErrorCode::not_found)
        result.error().code = ErrorCode::internal;
    return result;
}

}  // namespace tidegate::git
