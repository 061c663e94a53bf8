#include "reconciler/git/mended.h"

#include <git2/sys/odb_backend.h>
#include <git2/sys/repository.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>

namespace tidegate::git {
namespace {

constexpr std::size_t kParentsMax = 0xFFFF;
constexpr std::size_t kTreeLineBytes = 5 + GIT_OID_HEXSZ + 1;
constexpr std::size_t kParentLineBytes = 7 + GIT_OID_HEXSZ + 1;

bool is_link(std::string_view line, std::string_view field) {
    git_oid id{};
    return line.size() == field.size() + GIT_OID_HEXSZ + 1 && line.starts_with(field) &&
           line.back() == '\n' &&
           git_oid_fromstrn(&id, line.data() + field.size(), GIT_OID_HEXSZ) == 0;
}

/// How many parents git reads after the tree's line; none: it refuses the commit.
std::optional<std::size_t> count_parents(std::string_view raw) {
    if (!is_link(raw.substr(0, kTreeLineBytes), "tree ")) return std::nullopt;
    raw.remove_prefix(kTreeLineBytes);
    std::size_t count = 0;
    for (; raw.size() > kParentLineBytes && raw.starts_with("parent "); ++count) {
        if (!is_link(raw.substr(0, kParentLineBytes), "parent ")) return std::nullopt;
        raw.remove_prefix(kParentLineBytes);
    }
    return count;
}

/// Null: libgit2 does not take what stands behind `author ` or `committer `.
Handle<git_signature> read_person(std::string_view line) {
    std::string text{line};
    std::ranges::replace(text, '\0', 'x');  // it would end the text here, but not in a commit
    Handle<git_signature> person;
    git_signature_from_buffer(out(person), text.c_str());
    return person;
}

/// Whether libgit2 takes what follows the parents: authors, and then a committer.
bool has_readable_people(std::string_view rest) {
    constexpr std::string_view kAuthor = "author ", kCommitter = "committer ";
    for (bool author = false;; author = true) {
        const auto end = rest.find('\n');
        if (end == std::string_view::npos) return false;
        const auto line = rest.substr(0, end);
        if (line.starts_with(kCommitter))
            return author && read_person(line.substr(kCommitter.size()));
        if (!line.starts_with(kAuthor) || !read_person(line.substr(kAuthor.size()))) return false;
        rest.remove_prefix(end + 1);
    }
}

/// What the first line of that field says; empty: there is none, or its bytes are no text.
std::string_view field_of(std::string_view header, std::string_view field) {
    while (!header.empty()) {
        const auto line = header.substr(0, header.find('\n'));
        if (line.starts_with(field)) {
            const bool text = line.find('\0') == std::string_view::npos;
            return text ? line.substr(field.size()) : std::string_view{};
        }
        header.remove_prefix(std::min(line.size() + 1, header.size()));
    }
    return {};
}

struct ShownObjects {
    git_odb_backend base{};  // first: libgit2 hands back a pointer to it
    Handle<git_odb> inner;
    Commits commits = Commits::mended;
};

git_odb* inner_of(git_odb_backend* backend) {
    return reinterpret_cast<ShownObjects*>(backend)->inner.get();
}

int give_object(void** data, std::size_t* size, git_object_t* type, git_odb_backend* backend,
                git_odb_object* object) try {
    const std::string_view raw{static_cast<const char*>(git_odb_object_data(object)),
                               git_odb_object_size(object)};
    *type = git_odb_object_type(object);
    git_oid id{};
    if (git_odb_hash(&id, raw.data(), raw.size(), *type) < 0) return -1;
    if (!git_oid_equal(&id, git_odb_object_id(object))) {
        git_error_set_str(GIT_ERROR_ODB, "it is not what its id says");
        return -1;
    }
    const bool mends = reinterpret_cast<ShownObjects*>(backend)->commits == Commits::mended;
    const auto mended = mends && *type == GIT_OBJECT_COMMIT ? mended_commit(raw) : std::nullopt;
    const std::string_view given = mended ? *mended : raw;
    auto* copy = static_cast<char*>(git_odb_backend_data_alloc(backend, given.size() + 1));
    if (!copy) return -1;
    std::memcpy(copy, given.data(), given.size());
    copy[given.size()] = '\0';
    *data = copy;
    *size = given.size();
    return 0;
} catch (const std::exception&) {
    git_error_set_str(GIT_ERROR_NOMEMORY, "a commit is too long");
    return -1;
}

int read_object(void** data, std::size_t* size, git_object_t* type, git_odb_backend* backend,
                const git_oid* id) {
    Handle<git_odb_object> object;
    const int code = git_odb_read(out(object), inner_of(backend), id);
    return code < 0 ? code : give_object(data, size, type, backend, object.get());
}

int read_object_of(git_oid* id, void** data, std::size_t* size, git_object_t* type,
                   git_odb_backend* backend, const git_oid* prefix, std::size_t digits) {
    Handle<git_odb_object> object;
    const int code = git_odb_read_prefix(out(object), inner_of(backend), prefix, digits);
    if (code < 0) return code;
    *id = *git_odb_object_id(object.get());
    return give_object(data, size, type, backend, object.get());
}

int read_object_size(std::size_t* size, git_object_t* type, git_odb_backend* backend,
                     const git_oid* id) {
    return git_odb_read_header(size, type, inner_of(backend), id);
}

int write_object(git_odb_backend* backend, const git_oid*, const void* data, std::size_t size,
                 git_object_t type) {
    git_oid id{};
    return git_odb_write(&id, inner_of(backend), data, size, type);
}

int object_exists(git_odb_backend* backend, const git_oid* id) {
    return git_odb_exists(inner_of(backend), id);
}

int object_exists_of(git_oid* id, git_odb_backend* backend, const git_oid* prefix,
                     std::size_t digits) {
    return git_odb_exists_prefix(id, inner_of(backend), prefix, digits);
}

int for_each_object(git_odb_backend* backend, git_odb_foreach_cb callback, void* payload) {
    return git_odb_foreach(inner_of(backend), callback, payload);
}

/// What is sent may build on a commit as it is, so nothing mended goes into it.
int write_pack(git_odb_writepack** pack, git_odb_backend* backend, git_odb*,
               git_indexer_progress_cb callback, void* payload) {
    return git_odb_write_pack(pack, inner_of(backend), callback, payload);
}

void free_backend(git_odb_backend* backend) { delete reinterpret_cast<ShownObjects*>(backend); }

std::unique_ptr<ShownObjects> make_backend() {
    auto made = std::make_unique<ShownObjects>();
    git_odb_init_backend(&made->base, GIT_ODB_BACKEND_VERSION);
    made->base.read = read_object;
    made->base.read_prefix = read_object_of;
    made->base.read_header = read_object_size;
    made->base.write = write_object;
    made->base.exists = object_exists;
    made->base.exists_prefix = object_exists_of;
    made->base.foreach = for_each_object;
    made->base.writepack = write_pack;
    made->base.free = free_backend;
    return made;
}

}  // namespace

std::optional<std::string> mended_commit(std::string_view raw) {
    const auto parents = count_parents(raw);
    if (!parents) return std::nullopt;
    const auto begin = kTreeLineBytes + *parents * kParentLineBytes;
    if (*parents <= kParentsMax && has_readable_people(raw.substr(begin))) return std::nullopt;
    const auto end = std::min(raw.find("\n\n", begin - 1), raw.size());
    const auto header = raw.substr(begin, end > begin ? end - begin : 0);
    const auto message = raw.substr(std::min(end + 2, raw.size()));

    const auto author_line = field_of(header, "author ");
    const auto committer_line = field_of(header, "committer ");
    const auto author = read_person(author_line);
    const auto time = author ? author->when.time : 0;
    const auto unknown = fmt::format("unknown <unknown> {} +0000", time);
    std::string mended{
        raw.substr(0, kTreeLineBytes + std::min(*parents, kParentsMax) * kParentLineBytes)};
    mended += fmt::format("author {}\n", author ? author_line : unknown);
    mended += fmt::format("committer {}\n", read_person(committer_line) ? committer_line : unknown);
    mended += fmt::format("{} yes\n", kMendedField);
    if (const auto encoding = field_of(header, "encoding "); !encoding.empty())
        mended += fmt::format("encoding {}\n", encoding);
    mended += '\n';
    mended += message;
    return mended;
}

Result<void> show(Commits commits, git_repository* repository) {
    auto backend = make_backend();
    backend->commits = commits;
    // Whoever asks for an object then hears why.
    if (git_repository_odb(out(backend->inner), repository) < 0) return {};
    Handle<git_odb> shown;
    CHECK(checked(git_odb_new(out(shown)), "object database"));
    CHECK(checked(git_odb_add_backend(shown.get(), &backend->base, 1), "object database"));
    static_cast<void>(backend.release());  // it is the database's from here on
    return checked(git_repository_set_odb(repository, shown.get()), "object database");
}

}  // namespace tidegate::git
