#include "reconciler/source/document_reader.h"

#include <future>

#include "schema/base/limits.h"
#include "schema/config/read.h"

namespace tidegate::source {
namespace {

constexpr std::size_t kBlobsPerFetch = 1'000;
constexpr std::size_t kWorthASecondThread = 200;
constexpr std::size_t kChangedPartToSave = 16;

std::string key_of(const git::TreeEntry& entry) { return entry.blob + ':' + entry.path; }

std::shared_ptr<const ParsedFile> refused(const std::string& path, std::string why) {
    auto file = std::make_shared<ParsedFile>();
    file->errors.push_back({ErrorCode::invalid, std::move(why), {path, 1, 1}});
    return file;
}

/// A remark on a path that its text would not change.
std::shared_ptr<const ParsedFile> remarked(Error error, bool refuses) {
    auto file = std::make_shared<ParsedFile>();
    (refuses ? file->errors : file->warnings).push_back(std::move(error));
    return file;
}

/// What stands where it hides others: in the place of a folder, or of `tidegate.yaml`.
std::shared_ptr<const ParsedFile> refused_top(const git::TreeEntry& entry, Checks checks) {
    auto wrong = config::check_top(entry.path);
    if (!wrong) return nullptr;
    if (entry.kind == git::EntryKind::symlink)
        wrong->message = "a symbolic link, expected a folder";
    if (entry.kind == git::EntryKind::submodule) wrong->message = "a submodule, expected a folder";
    const bool refuses = checks >= Checks::second;
    if (!refuses) wrong->message += kRefusedNow;
    return remarked(*std::move(wrong), refuses);
}

/// What needs no reading to be wrong; null = its text decides.
std::shared_ptr<const ParsedFile> refused_unread(const git::TreeEntry& entry, Checks checks) {
    if (auto near = config::check_near_miss(entry.path)) return remarked(*std::move(near), false);
    if (auto hiding = refused_top(entry, checks)) return hiding;
    const auto* wanted = config::is_folder_place(entry.path) ? "folder" : "file";
    if (entry.kind == git::EntryKind::symlink)
        return refused(entry.path, fmt::format("a symbolic link, expected a {}", wanted));
    if (entry.kind == git::EntryKind::submodule)
        return refused(entry.path, fmt::format("a submodule, expected a {}", wanted));
    if (entry.kind == git::EntryKind::folder)
        return refused(entry.path, fmt::format("folders are nested deeper than {}: not read",
                                               limits::kTreeDepthMax));
    if (entry.size > limits::kFileBytesMax)
        return refused(entry.path, fmt::format("the file has {} bytes, at most {} are read",
                                               entry.size, limits::kFileBytesMax));
    if (auto stray = config::check_path(entry.path)) return remarked(*std::move(stray), true);
    return nullptr;
}

/// How many of the entries from there on one fetch asks for: Git's answer has a bound.
std::size_t batch_size(const std::vector<git::TreeEntry>& entries, std::size_t from) {
    std::size_t bytes = entries[from].size;
    auto end = from + 1;
    while (end < entries.size() && end - from < kBlobsPerFetch &&
           (bytes += entries[end].size) <= limits::kBlobBytesPerFetch)
        ++end;
    return end - from;
}

using Files = std::vector<std::shared_ptr<const ParsedFile>>;

/// One file for each number below `count`; two threads where it pays.
template <class Make>
Files make_all(std::size_t count, const Make& make) {
    const auto some = [&](std::size_t from, std::size_t to) {
        Files files;
        files.reserve(count);
        for (auto i = from; i < to; ++i) files.push_back(make(i));
        return files;
    };
    if (count < kWorthASecondThread) return some(0, count);
    const auto middle = count / 2;
    auto second = std::async(std::launch::async, some, middle, count);
    auto files = some(0, middle);
    for (auto& file : second.get()) files.push_back(std::move(file));
    return files;
}

}  // namespace

const git::Scope& DocumentReader::scope() { return config::layout_names(); }

bool DocumentReader::is_ours(const std::string& path) {
    return config::in_layout(path) || config::check_path(path) || config::check_top(path) ||
           config::check_near_miss(path);
}

std::shared_ptr<const ParsedFile> DocumentReader::read_text(const std::string& path,
                                                            const std::string& text,
                                                            Checks checks) {
    return std::make_shared<const ParsedFile>(config::read_document(path, text, checks));
}

Result<DocumentTree> DocumentReader::read(const std::vector<git::TreeEntry>& entries,
                                          Checks checks) {
    std::vector<git::TreeEntry> missing;
    for (const auto& entry : entries) {
        auto key = key_of(entry);
        if (read_.contains(key)) continue;
        if (auto wrong = refused_unread(entry, kChecksNow))
            read_.emplace(std::move(key), std::move(wrong));
        else
            missing.push_back(entry);
    }
    missing = take_kept(std::move(missing));
    CHECK(fetch_and_parse(missing, kChecksNow, read_));
    changes_ += missing.size();
    DocumentTree tree;
    for (const auto& entry : entries)
        tree.emplace_hint(tree.end(), entry.path, read_.at(key_of(entry)));
    if (checks < kChecksNow) CHECK(reread(entries, checks, tree));
    if (excused_.empty()) return tree;
    std::vector<git::TreeEntry> excused;
    for (const auto& entry : entries)
        if (excused_.contains(key_of(entry))) excused.push_back(entry);
    CHECK(reread_refused(std::move(excused), tree));
    return tree;
}

Result<void> DocumentReader::reread_refused(std::vector<git::TreeEntry> entries,
                                            DocumentTree& tree) {
    for (const auto checks : kOlderChecks) {
        std::erase_if(entries,
                      [&](const auto& entry) { return tree.at(entry.path)->document != nullptr; });
        CHECK(reread(entries, checks, tree));
    }
    return {};
}

/// Only documents are excused, so that no name with a space is among them.
Result<DocumentTree> DocumentReader::read_again(const std::vector<git::TreeEntry>& entries,
                                                Checks checks) {
    auto tree = TRY(read(entries, checks));
    std::vector<git::TreeEntry> refused;
    for (const auto& entry : entries)
        if (!tree.at(entry.path)->document && config::in_layout(entry.path))
            refused.push_back(entry);
    CHECK(reread_refused(refused, tree));
    for (const auto& entry : refused)
        if (tree.at(entry.path)->document) excuse(key_of(entry));
    return tree;
}

std::shared_ptr<const ParsedFile> DocumentReader::read_text_again(const std::string& path,
                                                                  const std::string& text,
                                                                  Checks checks) {
    auto read = read_text(path, text, checks);
    for (const auto older : kOlderChecks)
        if (!read->document) read = read_text(path, text, older);
    return read;
}

Result<void> DocumentReader::reread(const std::vector<git::TreeEntry>& entries, Checks checks,
                                    DocumentTree& tree) {
    auto& files = reread_[checks];
    std::vector<git::TreeEntry> missing, differing;
    for (const auto& entry : entries) {
        const auto& now = *tree.at(entry.path);
        if (now.errors.empty() && now.warnings.empty()) continue;
        differing.push_back(entry);
        if (files.contains(key_of(entry))) continue;
        if (auto wrong = refused_unread(entry, checks))
            files.emplace(key_of(entry), std::move(wrong));
        else
            missing.push_back(entry);
    }
    CHECK(fetch_and_parse(missing, checks, files));
    for (const auto& entry : differing) tree[entry.path] = files.at(key_of(entry));
    return {};
}

std::vector<git::TreeEntry> DocumentReader::take_kept(std::vector<git::TreeEntry> entries) {
    if (kept_.size() == 0) return entries;
    auto files = make_all(entries.size(), [&](auto i) { return kept_.find(key_of(entries[i])); });
    std::vector<git::TreeEntry> others;
    for (std::size_t i = 0; i < entries.size(); ++i)
        if (files[i])
            read_.emplace(key_of(entries[i]), std::move(files[i]));
        else
            others.push_back(std::move(entries[i]));
    return others;
}

Result<void> DocumentReader::fetch_and_parse(const std::vector<git::TreeEntry>& missing,
                                             Checks checks, ParsedFiles& into) {
    for (std::size_t from = 0, count = 0; from < missing.size(); from += count) {
        count = batch_size(missing, from);
        std::vector<std::string> ids;
        for (auto i = from; i < from + count; ++i) ids.push_back(missing[i].blob);
        auto blobs = TRY(fetch_(ids));
        if (blobs.size() != count)
            return fail(ErrorCode::internal, "asked Git for {} blobs, got {}", count, blobs.size());
        auto files = make_all(count, [&](auto i) {
            return read_text(missing[from + i].path, blobs[i].content, checks);
        });
        for (std::size_t i = 0; i < count; ++i)
            into.emplace(key_of(missing[from + i]), std::move(files[i]));
    }
    return {};
}

Result<void> DocumentReader::keep_only(const std::map<std::string, git::TreeEntry>& entries) {
    kept_ = {};
    reread_.clear();
    const auto slack = entries.size() / kChangedPartToSave;
    if (changes_ <= slack && read_.size() <= entries.size() + slack) return {};
    changes_ = 0;
    std::erase_if(read_, [&](const auto& item) {
        const auto colon = item.first.find(':');
        const auto entry = entries.find(item.first.substr(colon + 1));
        return entry == entries.end() || entry->second.blob != item.first.substr(0, colon);
    });
    return save_parsed(place_, read_);
}

}  // namespace tidegate::source
