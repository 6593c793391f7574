#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/plan/manifest/manifest.h"
#include "jobs/requests/items/list_builder.h"
#include "tests/jobs/plan/manifest/varied_fields.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::plan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Problem> multiples_of_16(const configs::Request& request) {
  if (request.width % 16 == 0) return {};
  return {{.message = "width does not fit",
           .expected = "a multiple of 16",
           .got = std::to_string(request.width),
           .field = "width"}};
}

class ExpansionTest : public testing::Test {
 protected:
  /// The items of a manifest whose requests are these lines.
  requests::ItemList items(const std::string& requests) {
    problems_.clear();
    const ManifestSource source{
        .text = "schema: 1\nname: cats\nmodel: {noop: 0}\noutput: {path: r}\nrequests:\n" + requests,
        .file = "m.yaml",
        .directory = folder_.path(),
        .sets = {},
        .run_dir = {}};
    return std::move(decode_manifest(source, {}, multiples_of_16, problems_).items);
  }
  std::vector<std::string> ids(const std::string& requests) {
    std::vector<std::string> texts;
    const requests::ItemList list = items(requests);
    for (const requests::PackedItem& item : list.packed()) texts.emplace_back(item.id);
    EXPECT_THAT(messages(), IsEmpty());
    return texts;
  }
  std::vector<std::string> messages() const {
    std::vector<std::string> texts;
    for (const Problem& problem : problems_) texts.push_back(describe(problem));
    return texts;
  }
  std::vector<std::string> refusal(const std::string& requests) {
    items(requests);
    return messages();
  }

  tests::TempFolder folder_;
  std::vector<Problem> problems_;
};

TEST_F(ExpansionTest, AnIdThatIsAPositionIsToldFromOneThatWasGiven) {
  for (const char* id : {"000007", "000007-s3", "000007~seed1", "000007~seed1-s3"}) {
    EXPECT_EQ(requests::position_of_id(id), 7U) << id;
  }
  EXPECT_EQ(requests::position_of_id("1234567"), 1234567U);
  for (const char* id : {"7", "0000007", "cat", "000007-cat", "000007.a", "99999999999999999999999", "-s1"}) {
    EXPECT_EQ(requests::position_of_id(id), std::nullopt) << id;
  }
  const requests::ItemList list =
      items("  items: [{prompt: a}, {prompt: b, samples: 2}]\n  matrix: {seed: [1, 2]}\n");
  std::vector<std::size_t> positions;
  for (const requests::PackedItem& item : list.packed())
    positions.push_back(requests::position_of_id(item.id).value());
  EXPECT_THAT(positions, ElementsAre(0, 0, 1, 1, 1, 1));
}

TEST_F(ExpansionTest, EveryItemMeetsEveryCombination) {
  const std::string requests =
      "  items: [{id: tabby, prompt: a}, {prompt: b, seed: 9}]\n"
      "  matrix: {seed: [1, 2], frames: [5, 9]}\n";
  EXPECT_THAT(ids(requests),
              ElementsAre("tabby~seed1~frames5", "tabby~seed1~frames9", "tabby~seed2~frames5",
                          "tabby~seed2~frames9", "000001~seed1~frames5", "000001~seed1~frames9",
                          "000001~seed2~frames5", "000001~seed2~frames9"));
  const requests::ItemList list = items(requests);
  EXPECT_EQ(list[6].request.seed, 2);
  EXPECT_EQ(list[6].request.frames, 5);
  EXPECT_EQ(list[6].request.prompt, "b");
}

TEST_F(ExpansionTest, SamplesComeAfterTheMatrix) {
  EXPECT_THAT(ids("  defaults: {samples: 2}\n  items: [{id: t, prompt: a}]\n  matrix: {seed: [10, 20]}\n"),
              ElementsAre("t~seed10-s0", "t~seed10-s1", "t~seed20-s0", "t~seed20-s1"));
  const requests::ItemList list =
      items("  defaults: {samples: 2}\n  items: [{id: t, prompt: a}]\n  matrix: {seed: [10, 20]}\n");
  EXPECT_EQ(list[1].request.seed, 11);
  EXPECT_EQ(list[2].request.seed, 20);
  EXPECT_THAT(ids("  items: [{id: t, prompt: a}]\n  matrix: {samples: [1, 2]}\n"),
              ElementsAre("t~samples1", "t~samples2-s0", "t~samples2-s1"));
}

TEST_F(ExpansionTest, ValuesThatNoIdCanHoldAreNamedOtherwise) {
  const std::string requests =
      "  defaults: {resolution: 480p}\n"
      "  items: [{id: t, prompt: a}]\n"
      "  matrix: {negative_prompt: [\"\", ugly], aspect_ratio: [\"16:9\", \"9:16\"], fps: [12.5]}\n";
  EXPECT_THAT(ids(requests), ElementsAre("t~negative_prompt0~aspect_ratio16-9~fps12.5",
                                         "t~negative_prompt0~aspect_ratio9-16~fps12.5",
                                         "t~negative_prompt1~aspect_ratio16-9~fps12.5",
                                         "t~negative_prompt1~aspect_ratio9-16~fps12.5"));
  const requests::ItemList list = items(requests);
  EXPECT_EQ(list[0].request.negative_prompt, "");
  EXPECT_EQ(list[3].request.negative_prompt, "ugly");
  EXPECT_EQ(list[3].request.width, 480);
  EXPECT_EQ(list[3].request.height, 832);
  EXPECT_EQ(list[3].request.fps, 12.5);
}

TEST_F(ExpansionTest, ResolutionsVaryOverSizes) {
  const requests::ItemList list =
      items("  items: [{id: t, prompt: a, width: 64, height: 64}]\n  matrix: {resolution: [480p, 720p]}\n");
  EXPECT_THAT(messages(), IsEmpty());
  EXPECT_EQ(list[0].request.id, "t~resolution480p");
  EXPECT_EQ(list[1].request.width, 1280);
}

TEST_F(ExpansionTest, AutomaticSeedsComeFromNameAndFinalId) {
  // int.from_bytes(hashlib.sha256(b"cats/t").digest()[:8], "big") >> 1
  const requests::ItemList list =
      items("  defaults: {seed: auto}\n  items: [{id: t, prompt: a}, {id: u, prompt: a, seed: 3}]\n");
  EXPECT_EQ(list[0].request.seed, 4475589487181554071);
  EXPECT_EQ(list[1].request.seed, 3);
  const requests::ItemList varied =
      items("  defaults: {samples: 2}\n  items: [{id: t, prompt: a}]\n  matrix: {seed: [auto, 1]}\n");
  EXPECT_EQ(varied[0].request.id, "t~seedauto-s0");
  EXPECT_EQ(varied[0].request.seed, requests::seed_of("cats", "t~seedauto-s0"));
  EXPECT_EQ(varied[1].request.seed, requests::seed_of("cats", "t~seedauto-s1"));
  EXPECT_EQ(varied[3].request.seed, 2);
}

TEST_F(ExpansionTest, VariesListsOfFilesToo) {
  folder_.write("list.csv", "prompt,id\na,x\nb,\n");
  EXPECT_THAT(ids("  file: list.csv\n  matrix: {width: [16, 32]}\n"),
              ElementsAre("x~width16", "x~width32", "000001~width16", "000001~width32"));
}

TEST_F(ExpansionTest, IdsAreUniqueAfterExpansion) {
  EXPECT_THAT(refusal("  items:\n    - {id: t, prompt: a, samples: 2}\n    - {id: t-s1, prompt: b}\n"),
              ElementsAre("m.yaml:8:12: the id t-s1 is already that of line 7 (expected an id of its own)"));
  const std::string id(120, 'x');
  EXPECT_THAT(
      refusal("  items:\n    - {id: " + id + ", prompt: a}\n  matrix: {seed: [1, 100000]}\n"),
      ElementsAre("m.yaml:7:12: the id " + id +
                  "~seed100000 is too long (expected 1 to 128 letters, digits, '.', '_', '~' or '-', the "
                  "first a letter or a digit, got 131 characters)"));
}

TEST_F(ExpansionTest, FrozenListsDoNotVary) {
  folder_.write(
      "list.jsonl",
      R"({"id":"a","key":")" + std::string(64, '0') +
          R"(","request":{"fps":16.0,"frames":5,"height":16,"id":"a","negative_prompt":"","prompt":"x",)"
          R"("seed":1,"width":16},"metadata":{}})"
          "\n");
  EXPECT_THAT(ids("  defaults: {samples: 3, negative_prompt: ugly}\n  file: list.jsonl\n"), ElementsAre("a"));
  EXPECT_THAT(
      refusal("  file: list.jsonl\n  matrix: {seed: [1]}\n"),
      ElementsAre(folder_ / "list.jsonl" +
                  std::string(":1:1: requests.matrix cannot vary the items of a frozen list (expected a list "
                              "as it was before a run)")));
}

TEST_F(ExpansionTest, BadMatricesAreRefusedAtTheirPlace) {
  const auto matrix = [this](const std::string& text) {
    return refusal("  items: [{prompt: a}]\n  matrix: " + text + "\n");
  };
  EXPECT_THAT(
      matrix("{seed: [1, -1, x]}"),
      ElementsAre(
          "m.yaml:7:22: requests.matrix.seed is out of range (expected a whole number from 0 to "
          "9223372036854775807, or \"auto\", which makes one of the job's name and the item's id, got -1)",
          "m.yaml:7:26: requests.matrix.seed has the wrong type (expected a whole number from 0 to "
          "9223372036854775807, or \"auto\", which makes one of the job's name and the item's id, got x)"));
  EXPECT_THAT(matrix("{seed: [1, 2, 01]}"),
              testing::Contains(testing::HasSubstr("m.yaml:7:25: requests.matrix.seed has")));
  EXPECT_THAT(
      matrix("{fps: [8, 8.0]}"),
      ElementsAre("m.yaml:7:21: requests.matrix.fps has a value twice (expected values that differ, got "
                  "8.0)"));
  EXPECT_THAT(matrix("{seed: []}"),
              ElementsAre("m.yaml:7:18: requests.matrix.seed is empty (expected a value or more)"));
  EXPECT_THAT(matrix("{seed: 1}"),
              ElementsAre("m.yaml:7:18: requests.matrix.seed has the wrong type (expected a list, got 1)"));
  EXPECT_THAT(
      matrix("[1]"),
      ElementsAre("m.yaml:7:11: requests.matrix has the wrong type (expected a mapping, got a list)"));
  const std::string fields = varied_fields() + ")";
  EXPECT_THAT(matrix("{steps: [1], sead: [1]}"),
              ElementsAre("m.yaml:7:12: requests.matrix.steps cannot vary (expected pipeline.steps, the same "
                          "for all items; or " +
                              fields,
                          "m.yaml:7:24: requests.matrix.sead cannot vary (expected " + fields +
                              "; did you mean seed?"));
  EXPECT_THAT(matrix("{aspect_ratio: [\"1:1\"]}"),
              ElementsAre("m.yaml:6:11: requests.matrix.aspect_ratio (aspect_ratio1-1) without a resolution "
                          "(expected resolution: 480p, 720p, 1080p, 2k, 4k beside it)"));
  EXPECT_THAT(
      matrix("{width: [16], resolution: [480p]}"),
      ElementsAre("m.yaml:7:25: requests.matrix.resolution and width exclude each other (expected width and "
                  "height, or resolution with aspect_ratio)"));
  EXPECT_THAT(matrix("{width: [16, 31]}"),
              ElementsAre("m.yaml:7:24: width does not fit (expected a multiple of 16, got 31)"));
}

TEST_F(ExpansionTest, AJobHasItsLimit) {
  std::string sides = "16";
  for (int i = 2; i <= 600; ++i) sides += ", " + std::to_string(16 * i);
  EXPECT_THAT(
      refusal(
          "  items: [{prompt: b}]\n  matrix: {seed: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, "
          "17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, "
          "30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, "
          "54, 55, 56], width: [" +
          sides + "], height: [" + sides + "]}\n"),
      ElementsAre("m.yaml:7:11: the matrix has too many combinations (expected at most 20000000 items)"));
}

}  // namespace
}  // namespace ditmill::jobs::plan
