#include "reconciler/source/document_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/base/digest.h"
#include "schema/model/document_codec.h"
#include "tests/integration/temp_dir.h"

namespace tidegate::source {
namespace {

using test::read_text;
using test::TempDir;
using test::write_text;

std::string version_file(int number, const std::string& version) {
    return fmt::format("apiVersion: tidegate/v1\nkind: Version\nversion: {}\nretry: {}\n", version,
                       number);
}

/// A repo in memory: the blob's id is made of its place and content.
struct Repo {
    std::map<std::string, std::string> texts;  ///< by blob
    std::map<std::string, git::TreeEntry> tree;
    std::vector<std::string> fetched;
    std::size_t bytes_at_once = 0;  ///< the most that one fetch asked for

    void put(const std::string& path, const std::string& text) {
        const auto blob = fmt::format("{:040x}", std::hash<std::string>{}(text));
        texts[blob] = text;
        tree[path] = {path, git::EntryKind::file, blob, text.size()};
    }
    [[nodiscard]] std::vector<git::TreeEntry> entries() const {
        std::vector<git::TreeEntry> all;
        for (const auto& [path, entry] : tree) all.push_back(entry);
        return all;
    }
    DocumentReader reader(const CachePlace& place) {
        return DocumentReader{[this](const auto& ids) -> Result<std::vector<git::Blob>> {
                                  std::vector<git::Blob> blobs;
                                  std::size_t bytes = 0;
                                  for (const auto& id : ids) {
                                      fetched.push_back(id);
                                      bytes += texts.at(id).size();
                                      bytes_at_once = std::max(bytes_at_once, bytes);
                                      blobs.push_back({id, 0, false, texts.at(id)});
                                  }
                                  return blobs;
                              },
                              place};
    }
    /// One run of a daemon: reads everything, keeps it. Returns how many files it had to parse.
    std::size_t run(const CachePlace& place, DocumentTree& read) {
        fetched.clear();
        auto all = reader(place);
        read = all.read(entries()).value();
        EXPECT_TRUE(all.keep_only(tree));
        return fetched.size();
    }
};

Repo some_repo(int versions = 400) {
    Repo repo;
    repo.put("tidegate.yaml", "apiVersion: tidegate/v1\nkind: Repository\nname: shop\n");
    repo.put("projects/wrong.yaml", "apiVersion: tidegate/v1\nkind: Project\nnmae: wrong\n");
    repo.put("projects/torn.yaml", "apiVersion: [");
    repo.put("versions/prod/stray.txt", "not for us");
    for (int i = 0; i < versions; ++i)
        repo.put(fmt::format("versions/prod/project-{}.yaml", i), version_file(i, "1.0.0"));
    return repo;
}

/// Of `some_repo`: a stray needs no parsing.
constexpr std::size_t kParsedFiles = 403;

void expect_same(const DocumentTree& read, const DocumentTree& wanted) {
    ASSERT_EQ(read.size(), wanted.size());
    for (const auto& [path, file] : wanted) {
        const auto& other = *read.at(path);
        EXPECT_EQ(other.errors, file->errors) << path;
        EXPECT_EQ(other.warnings, file->warnings) << path;
        ASSERT_EQ(other.document == nullptr, file->document == nullptr) << path;
        if (file->document) {
            EXPECT_TRUE(*other.document == *file->document) << path;
        }
    }
}

TEST(DocumentReaderTest, AsksForNoMoreBytesAtOnceThanAreAnswered) {
    Repo repo;
    constexpr std::size_t kFiles = 70;
    for (std::size_t i = 0; i < kFiles; ++i)
        repo.put(fmt::format("versions/prod/large-{}.yaml", i),
                 fmt::format("{:{}}", "#" + std::to_string(i), limits::kFileBytesMax));
    auto reader = repo.reader({});
    EXPECT_EQ(reader.read(repo.entries()).value().size(), kFiles);
    EXPECT_EQ(repo.fetched.size(), kFiles);
    EXPECT_LE(repo.bytes_at_once, limits::kBlobBytesPerFetch);
}

class ParsedCacheTest : public testing::Test {
protected:
    TempDir dir_;
    CachePlace place_{dir_ / "parsed", "this build"};
    Repo repo_ = some_repo();
    DocumentTree first_;
    DocumentTree second_;
};

TEST_F(ParsedCacheTest, ARestartParsesNothingAndGivesTheSameModel) {
    EXPECT_EQ(repo_.run(place_, first_), kParsedFiles);
    EXPECT_FALSE(first_.at("projects/wrong.yaml")->errors.empty());
    EXPECT_EQ(repo_.run(place_, second_), 0u);
    expect_same(second_, first_);
}

TEST_F(ParsedCacheTest, OnlyWhatChangedSinceIsParsed) {
    repo_.run(place_, first_);
    repo_.put("versions/prod/project-7.yaml", version_file(7, "2.0.0"));
    EXPECT_EQ(repo_.run(place_, second_), 1u);
    const auto& changed = *second_.at("versions/prod/project-7.yaml");
    EXPECT_EQ(std::get<Version>(*changed.document).version, "2.0.0");
}

TEST_F(ParsedCacheTest, ABlobAtAnotherPathIsAnotherFile) {
    repo_.run(place_, first_);
    repo_.put("versions/test/project-7.yaml", version_file(7, "1.0.0"));
    EXPECT_EQ(repo_.run(place_, second_), 1u);
    const auto& moved = *second_.at("versions/test/project-7.yaml");
    EXPECT_EQ(std::get<Version>(*moved.document).key.environment, "test");
}

TEST_F(ParsedCacheTest, IsWrittenAnewWhenASixteenthChanged) {
    repo_.run(place_, first_);
    const auto before = read_text(place_.file);
    for (int i = 0; i < 26; ++i)
        repo_.put(fmt::format("versions/prod/project-{}.yaml", i), version_file(i, "2.0.0"));
    repo_.run(place_, second_);
    EXPECT_TRUE(read_text(place_.file) != before);
    EXPECT_EQ(repo_.run(place_, second_), 0u);
}

TEST_F(ParsedCacheTest, IsNotWrittenForOneFile) {
    repo_.run(place_, first_);
    const auto before = read_text(place_.file);
    repo_.put("versions/prod/project-7.yaml", version_file(7, "2.0.0"));
    repo_.run(place_, second_);
    EXPECT_TRUE(read_text(place_.file) == before);
}

TEST_F(ParsedCacheTest, HoldsNothingThatTheTreeDoesNotUse) {
    repo_.run(place_, first_);
    const auto before = std::filesystem::file_size(place_.file);
    std::erase_if(repo_.tree, [](const auto& item) { return item.first.ends_with("7.yaml"); });
    auto reader = repo_.reader(place_);
    ASSERT_TRUE(reader.read(repo_.entries()));
    for (int i = 0; i < 100; ++i)
        repo_.put(fmt::format("versions/prod/project-{}1.yaml", i), version_file(i, "3.0.0"));
    ASSERT_TRUE(reader.read(repo_.entries()));
    for (int i = 0; i < 100; ++i)
        repo_.tree.erase(fmt::format("versions/prod/project-{}1.yaml", i));
    ASSERT_TRUE(reader.keep_only(repo_.tree));
    EXPECT_LT(std::filesystem::file_size(place_.file), before);
    EXPECT_EQ(ParsedCache::load(place_).size(), repo_.tree.size());
}

TEST_F(ParsedCacheTest, StaysBelowItsBound) {
    place_.bytes_max = 10'000;
    repo_.run(place_, first_);
    EXPECT_LE(std::filesystem::file_size(place_.file), place_.bytes_max);
    const auto parsed = repo_.run(place_, second_);
    EXPECT_GT(parsed, 0u);
    EXPECT_LT(parsed, kParsedFiles);
    expect_same(second_, first_);
}

TEST_F(ParsedCacheTest, ATooLargeFileIsNotRead) {
    repo_.run(place_, first_);
    place_.bytes_max = std::filesystem::file_size(place_.file) - 1;
    EXPECT_EQ(ParsedCache::load(place_).size(), 0u);
}

TEST_F(ParsedCacheTest, WithoutABuildIdNothingIsKept) {
    place_.parser.clear();
    repo_.run(place_, first_);
    EXPECT_FALSE(std::filesystem::exists(place_.file));
}

TEST_F(ParsedCacheTest, SaysWhenItCannotBeWritten) {
    place_.file = dir_ / "missing/parsed";
    auto reader = repo_.reader(place_);
    ASSERT_TRUE(reader.read(repo_.entries()));
    const auto kept = reader.keep_only(repo_.tree);
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().code, ErrorCode::unavailable);
}

TEST_F(ParsedCacheTest, ThisProgramHasAnIdentity) {
    EXPECT_EQ(parser_identity().size(), 64u);
    EXPECT_EQ(parser_identity(), parser_identity());
}

/// Makes the checksum right.
void sign(std::string& text) {
    text.replace(0, 64, Digest::of(std::string_view{text}.substr(64)).hex());
}

struct Damage {
    const char* name;
    void (*make)(std::string& text);
};
class DamagedCacheTest : public ParsedCacheTest, public testing::WithParamInterface<Damage> {};

TEST_P(DamagedCacheTest, CostsOnlyTime) {
    repo_.run(place_, first_);
    auto text = read_text(place_.file);
    GetParam().make(text);
    write_text(place_.file, text);
    EXPECT_EQ(repo_.run(place_, second_), kParsedFiles);
    expect_same(second_, first_);
    EXPECT_EQ(repo_.run(place_, second_), 0u) << "written anew";
}

INSTANTIATE_TEST_SUITE_P(
    All, DamagedCacheTest,
    testing::Values(Damage{"empty", [](std::string& text) { text.clear(); }},
                    Damage{"half", [](std::string& text) { text.resize(text.size() / 2); }},
                    Damage{"last_byte_lost", [](std::string& text) { text.pop_back(); }},
                    Damage{"a_byte_more", [](std::string& text) { text += 'x'; }},
                    Damage{"flipped_digest", [](std::string& text) { text[5] ^= 1; }},
                    Damage{"flipped_bit", [](std::string& text) { text[text.size() / 2] ^= 4; }},
                    Damage{"zeros", [](std::string& text) { text.assign(text.size(), '\0'); }},
                    Damage{"other_parser",
                           [](std::string& text) {
                               const auto at = text.find("this build");
                               text.replace(at, 4, "that");
                               sign(text);
                           }},
                    Damage{"older_format",
                           [](std::string& text) {
                               text[text.find("format 1") + 7] = '0';
                               sign(text);
                           }},
                    Damage{"lengths_that_lie",
                           [](std::string& text) {
                               text.resize(64 + 4 + 31 + 4 + 10);
                               text += "\xff\xff\xff\xffkey";
                               sign(text);
                           }}),
    [](const auto& tested) { return tested.param.name; });

TEST(DocumentCodecTest, NoDamageIsTakenForAFile) {
    const std::string path = "versions/prod/shop-api.yaml";
    const auto file = DocumentReader::read_text(
        path,
        "apiVersion: tidegate/v1\nkind: Version\nversion: 1.4.2\n"
        "promote: {version: 1.4.2, step: 2}\npins: [{target: web-1, version: 1.4.1}]\n"
        "variables: {A: b, C: {type: secret, value: 'encrypted:age:xx'}}\n"
        "strategy: {type: canary, config: {steps: [{percent: 10}, {percent: 100}]}}\n");
    ASSERT_TRUE(file->document);
    std::string bytes;
    encode(*file, path, bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode_parsed_file(std::string_view{bytes}.substr(0, size), path)) << size;
    EXPECT_FALSE(decode_parsed_file(bytes + '\0', path));
    for (std::size_t at = 0; at < bytes.size(); ++at)
        for (const char flip : {'\x01', '\x80', '\xff'}) {
            auto damaged = bytes;
            damaged[at] = static_cast<char>(damaged[at] ^ flip);
            (void)decode_parsed_file(damaged, path);  // any answer, no crash: ASan looks
        }
}

}  // namespace
}  // namespace tidegate::source
