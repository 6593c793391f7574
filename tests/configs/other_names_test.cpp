#include "configs/other_names.h"

#include <gtest/gtest.h>

namespace ditmill::configs {
namespace {

std::string path_of(std::string_view name) {
  const std::optional<Setting> setting = setting_called(name);
  return setting ? setting->path() : "";
}

TEST(OtherNames, StandForOurs) {
  EXPECT_EQ(path_of("num_frames"), "requests.defaults.frames");
  EXPECT_EQ(path_of("image_size"), "requests.defaults.width and height");
  EXPECT_EQ(path_of("num_inference_steps"), "pipeline.steps");
  EXPECT_EQ(path_of("sp_ulysses_degree"), "pipeline.parallel.ulysses");
  EXPECT_EQ(path_of("ckpt_dir"), "model.path");
  EXPECT_EQ(path_of("category"), "");
}

TEST(OtherNames, OursStandForThemselves) {
  for (const char* name :
       {"steps", "guidance_scale", "flow_shift", "solver", "dtype", "parallel", "components"}) {
    EXPECT_EQ(path_of(name), std::string{"pipeline."} + name);
  }
  for (const char* name : {"seed", "frames", "negative_prompt", "resolution"}) {
    EXPECT_EQ(path_of(name), std::string{"requests.defaults."} + name);
  }
}

TEST(OtherNames, AreFoundHoweverTheyAreSpelt) {
  for (const char* name : {"CFG scale", "cfg-scale", "cfgScale", "CFG_SCALE", " cfg_scale"}) {
    EXPECT_EQ(path_of(name), "pipeline.guidance_scale") << name;
  }
}

TEST(OtherNames, OfEverydayAreMarked) {
  EXPECT_TRUE(setting_called("caption")->everyday);
  EXPECT_TRUE(setting_called("output_dir")->everyday);
  EXPECT_FALSE(setting_called("num_frames")->everyday);
}

TEST(OtherNames, OfPrompts) {
  for (const char* name : {"prompt_en", "caption", "Text", "long_caption", "refined_prompt"}) {
    EXPECT_TRUE(is_called_prompt(name)) << name;
  }
  for (const char* name : {"negative_prompt", "prompt_id", "prompt;seed", "category", "seed"}) {
    EXPECT_FALSE(is_called_prompt(name)) << name;
  }
}

}  // namespace
}  // namespace ditmill::configs
