#include "configs/request.h"

#include <gmock/gmock.h>

#include "tests/configs/layer_text.h"

namespace ditmill::configs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Request, TakesItsDefaultsWhereItSaysNothing) {
  Request request{.negative_prompt = "blurry", .seed = 5, .width = 64, .height = 96, .frames = 9, .fps = 24};
  EXPECT_THAT(problems_of("{id: tabby, prompt: a cat, seed: 9223372036854775807, fps: 29.97}",
                          [&](MapReader& root) { read_request(root, request); }),
              IsEmpty());
  EXPECT_EQ(request, (Request{.id = "tabby",
                              .prompt = "a cat",
                              .negative_prompt = "blurry",
                              .seed = 9223372036854775807,
                              .width = 64,
                              .height = 96,
                              .frames = 9,
                              .fps = 29.97}));
}

TEST(Request, DefaultsHoldAllButIdAndPrompt) {
  Request request;
  EXPECT_THAT(
      problems_of("{negative_prompt: '', seed: 0, samples: 1, width: 16, height: 16, frames: 1, fps: 1}",
                  [&](MapReader& root) { read_request_defaults(root, request); }),
      IsEmpty());
  EXPECT_EQ(request, (Request{.seed = 0, .width = 16, .height = 16, .frames = 1, .fps = 1}));
  EXPECT_THAT(
      problems_of("{id: a, prompt: b}", [&](MapReader& root) { read_request_defaults(root, request); }),
      ElementsAre("m.yaml:1:2: unknown key id", "m.yaml:1:9: unknown key prompt"));
}

TEST(Request, RefusesValuesOutOfPlace) {
  struct Case {
    std::string text;
    std::string problem;
  };
  const std::string id =
      " (expected 1 to 128 letters, digits, '.', '_', '~' or '-', the first a letter or a digit, got ";
  const std::string seed = " (expected a whole number from 0 to 9223372036854775807, got ";
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
      {"{prompt: x, seed: auto}",
       "m.yaml:1:19: this version cannot derive seeds from ids (seed: auto)" + seed + "auto)"},
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
      {"{prompt: x, samples: 4}",
       "m.yaml:1:22: this version cannot expand samples (expected 1; an item for each sample, with its own "
       "seed, got 4)"},
      {"{prompt: x, samples: 0}",
       "m.yaml:1:22: samples is out of range (expected a whole number from 1 to 1000000, got 0)"},
      {"{prompt: x, resolution: 480p}",
       "m.yaml:1:13: this version cannot derive sizes from resolution (expected width and height)"},
      {"{prompt: x, aspect_ratio: '16:9'}",
       "m.yaml:1:13: this version cannot derive sizes from aspect_ratio (expected width and height)"},
      {"{prompt: x, widht: 64}", "m.yaml:1:13: unknown key widht; did you mean width?"},
      {"{promt: x, prompt: y}", "m.yaml:1:2: unknown key promt; did you mean prompt?"},
  };
  for (const Case& each : cases) {
    Request request{.id = "before"};
    EXPECT_THAT(problems_of(each.text, [&](MapReader& root) { read_request(root, request); }),
                ElementsAre(each.problem));
    EXPECT_EQ(request.seed, Request{}.seed) << each.text;
  }
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
  EXPECT_THAT(request_field_names(), testing::UnorderedElementsAre("id", "prompt", "negative_prompt", "seed",
                                                                   "width", "height", "frames", "fps"));
}

}  // namespace
}  // namespace ditmill::configs
