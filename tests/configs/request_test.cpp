#include "configs/request.h"

#include <gmock/gmock.h>

#include "tests/configs/layer_text.h"

namespace ditmill::configs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Request, TakesItsDefaultsWhereItSaysNothing) {
  RequestDraft draft{
      .request = {.negative_prompt = "blurry", .seed = 5, .width = 64, .height = 96, .frames = 9, .fps = 24}};
  EXPECT_THAT(problems_of("{id: tabby, prompt: a cat, seed: 9223372036854775807, fps: 29.97}",
                          [&](MapReader& root) { read_request(root, draft); }),
              IsEmpty());
  EXPECT_EQ(draft.request, (Request{.id = "tabby",
                                    .prompt = "a cat",
                                    .negative_prompt = "blurry",
                                    .seed = 9223372036854775807,
                                    .width = 64,
                                    .height = 96,
                                    .frames = 9,
                                    .fps = 29.97}));
}

TEST(Request, DefaultsHoldAllButIdAndPrompt) {
  RequestDraft draft;
  EXPECT_THAT(
      problems_of("{negative_prompt: '', seed: 0, samples: 1, width: 16, height: 16, frames: 1, fps: 1}",
                  [&](MapReader& root) { read_request_defaults(root, draft); }),
      IsEmpty());
  EXPECT_EQ(draft.request, (Request{.seed = 0, .width = 16, .height = 16, .frames = 1, .fps = 1}));
  EXPECT_THAT(
      problems_of("{id: a, prompt: b}", [&](MapReader& root) { read_request_defaults(root, draft); }),
      ElementsAre(
          "m.yaml:1:2: unknown key id: it is a field of the requests (expected id of an item: "
          "requests.items, or a line of requests.file)",
          "m.yaml:1:9: unknown key prompt: it is a field of the requests (expected prompt of an item: "
          "requests.items, or a line of requests.file)"));
}

TEST(Request, RefusesValuesOutOfPlace) {
  struct Case {
    std::string text;
    std::string problem;
  };
  const std::string id =
      " (expected 1 to 128 letters, digits, '.', '_', '~' or '-', the first a letter or a digit, got ";
  const std::string seed =
      " (expected a whole number from 0 to 9223372036854775807, or \"auto\", which makes one of the "
      "job's name and the item's id, got ";
  const std::vector<Case> cases{
      {"{id: a}", "m.yaml:1:1: prompt is missing (expected text)"},
      {"{prompt: ''}", "m.yaml:1:10: prompt is empty (expected text)"},
      {"{prompt: '  '}", "m.yaml:1:10: prompt is empty (expected text)"},
      {"{prompt: }", "m.yaml:1:2: prompt has the wrong type (expected text, got nothing)"},
      {"{prompt: x, id: a/b}", "m.yaml:1:17: id is not valid" + id + "a/b)"},
      {"{prompt: x, id: ''}", "m.yaml:1:17: id is not valid" + id + "\"\")"},
      {"{prompt: x, seed: -1}", "m.yaml:1:19: seed is out of range" + seed + "-1)"},
      {"{prompt: x, seed: 9223372036854775808}",
       "m.yaml:1:19: seed is out of range" + seed + "9223372036854775808)"},
      {"{prompt: x, seed: 1.0}", "m.yaml:1:19: seed has the wrong type" + seed + "1.0)"},
      {"{prompt: x, width: 0}",
       "m.yaml:1:20: width is out of range (expected a whole number from 1 to 16384, got 0)"},
      {"{prompt: x, height: 16385}",
       "m.yaml:1:21: height is out of range (expected a whole number from 1 to 16384, got 16385)"},
      {"{prompt: x, frames: 10001}",
       "m.yaml:1:21: frames is out of range (expected a whole number from 1 to 10000, got 10001)"},
      {"{prompt: x, fps: 0}",
       "m.yaml:1:18: fps is out of range (expected a number above 0, at most 1000, got 0)"},
      {"{prompt: x, fps: 1000.5}",
       "m.yaml:1:18: fps is out of range (expected a number above 0, at most 1000, got 1000.5)"},
      {"{prompt: x, samples: 0}",
       "m.yaml:1:22: samples is out of range (expected a whole number from 1 to 1000000, got 0)"},
      {"{prompt: x, samples: 1000001}",
       "m.yaml:1:22: samples is out of range (expected a whole number from 1 to 1000000, got 1000001)"},
      {"{prompt: x, seed: Auto}", "m.yaml:1:19: seed has the wrong type" + seed + "Auto)"},
      {"{prompt: x, resolution: 480}",
       "m.yaml:1:25: resolution has an unknown value (expected 480p, 720p, 1080p, 2k, 4k, got 480); did you "
       "mean "
       "480p?"},
      {"{prompt: x, resolution: [480p]}",
       "m.yaml:1:25: resolution has the wrong type (expected text, got a list)"},
      {"{prompt: x, resolution: 480p, aspect_ratio: 16/9}",
       "m.yaml:1:45: aspect_ratio is not valid (expected W:H, two numbers above 0, at most 10000, got 16/9)"},
      {"{prompt: x, aspect_ratio: '16:9'}",
       "m.yaml:1:13: aspect_ratio without a resolution (expected resolution: 480p, 720p, 1080p, 2k, 4k "
       "beside it)"},
      {"{prompt: x, width: 64, resolution: 480p}",
       "m.yaml:1:24: resolution and width exclude each other (expected width and height, or resolution with "
       "aspect_ratio)"},
      {"{prompt: x, resolution: 480p, aspect_ratio: '1:1', height: 64}",
       "m.yaml:1:13: resolution and height exclude each other (expected width and height, or resolution with "
       "aspect_ratio)"},
      {"{prompt: x, resolution: 480p, aspect_ratio: '10000:1'}",
       "m.yaml:1:25: resolution makes a clip that is too long and thin (expected sides of 16 to 16384 "
       "pixels)"},
      {"{prompt: x, widht: 64}", "m.yaml:1:13: unknown key widht; did you mean width?"},
      {"{promt: x, prompt: y}", "m.yaml:1:2: unknown key promt; did you mean prompt?"},
  };
  for (const Case& each : cases) {
    RequestDraft draft{.request = {.id = "before"}};
    EXPECT_THAT(problems_of(each.text, [&](MapReader& root) { read_request(root, draft); }),
                ElementsAre(each.problem));
    EXPECT_EQ(draft.request.seed, Request{}.seed) << each.text;
  }
}

TEST(Request, SeedsSamplesAndSizesMayStandForOthers) {
  RequestDraft defaults;
  EXPECT_THAT(problems_of("{seed: auto, samples: 3, resolution: 720p}",
                          [&](MapReader& root) { read_request_defaults(root, defaults); }),
              IsEmpty());
  EXPECT_TRUE(defaults.auto_seed);
  EXPECT_EQ(defaults.samples, 3);
  EXPECT_EQ(defaults.request.width, 1280);
  EXPECT_EQ(defaults.request.height, 720);

  const auto item = [&defaults](const char* text) {
    RequestDraft draft = defaults;
    EXPECT_THAT(problems_of(text, [&](MapReader& root) { read_request(root, draft); }), IsEmpty()) << text;
    return draft;
  };
  EXPECT_FALSE(item("{prompt: x, seed: 7}").auto_seed);
  EXPECT_EQ(item("{prompt: x, seed: 7}").request.seed, 7);
  EXPECT_EQ(item("{prompt: x, samples: 1}").samples, 1);
  const auto size = [&item](const char* text) {
    const Request request = item(text).request;
    return std::pair{request.width, request.height};
  };
  EXPECT_EQ(size("{prompt: x}"), std::pair(1280, 720));
  EXPECT_EQ(size("{prompt: x, aspect_ratio: '9:16'}"), std::pair(720, 1280));
  EXPECT_EQ(size("{prompt: x, resolution: 480p}"), std::pair(832, 480));
  EXPECT_EQ(size("{prompt: x, resolution: 480p, aspect_ratio: 1:1}"), std::pair(624, 624));
  EXPECT_EQ(size("{prompt: x, width: 64, height: 32}"), std::pair(64, 32));
  EXPECT_EQ(size("{prompt: x, height: 64}"), std::pair(1280, 64));
}

TEST(Request, IdsAreSafeAsNamesOfFilesAndGroups) {
  const std::vector<std::string> good{"a", "0", "tabby~seed1", "A.b_c-d~e", std::string(128, 'x'), "000007"};
  for (const std::string& id : good) EXPECT_TRUE(is_id(id)) << id;
  const std::vector<std::string> bad{"",
                                     ".",
                                     "..",
                                     "-a",
                                     "_a",
                                     "~a",
                                     "a b",
                                     "a/b",
                                     "a:b",
                                     "a\n",
                                     "caf\u00e9",
                                     std::string(129, 'x'),
                                     std::string("a\0", 2)};
  for (const std::string& id : bad) EXPECT_FALSE(is_id(id)) << id;
}

TEST(Request, NamesItsFields) {
  EXPECT_THAT(request_field_names(),
              testing::IsSupersetOf({"id", "prompt", "negative_prompt", "seed", "width", "height", "frames",
                                     "fps", "samples", "resolution", "aspect_ratio"}));
}

}  // namespace
}  // namespace ditmill::configs
