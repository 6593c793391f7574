#include "registry/components/component_type.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace ditmill::registry {
namespace {

TEST(ComponentType, HasARowForEachNameOfFastVideo) {
  const std::vector<std::pair<std::string_view, std::vector<std::string_view>>> rows{
      {"transformer", {"transformer", "transformer_2", "transformer_3", "transformer_ref", "sr_transformer"}},
      {"VAE", {"vae", "light_vae"}},
      {"text encoder", {"text_encoder", "text_encoder_2", "text_encoder_3"}},
      {"image encoder", {"image_encoder", "image_encoder_2", "image_encoder_3"}},
      {"tokenizer", {"tokenizer", "tokenizer_2", "tokenizer_3"}},
      {"scheduler", {"scheduler", "audio_scheduler"}},
      {"image processor", {"image_processor", "feature_extractor"}},
      {"processor", {"processor"}},
      {"vision-language encoder", {"vision_language_encoder"}},
      {"upsampler", {"upsampler", "upsampler_2", "spatial_upsampler", "temporal_upsampler"}},
      {"audio decoder", {"audio_vae", "audio_decoder"}},
      {"vocoder", {"vocoder"}},
      {"conditioner", {"conditioner"}},
      {"connectors", {"connectors"}},
      {"generic", {"unet", "", "vae_2", "transformer_", "transformer_1", "transformer_02", "transformer_x"}}};
  std::set<std::string_view> named;
  for (const auto& [loader, names] : rows) {
    named.insert(loader);
    for (const std::string_view name : names) EXPECT_EQ(component_type(name).loader, loader) << name;
  }
  for (const ComponentType& type : component_types()) EXPECT_TRUE(named.contains(type.loader)) << type.loader;
  EXPECT_TRUE(is_generic(component_types().back()));
}

TEST(ComponentType, TakesTheLibrariesOfItsRowAndFastVideosOwn) {
  EXPECT_TRUE(takes_library(component_type("transformer"), "diffusers"));
  EXPECT_FALSE(takes_library(component_type("transformer"), "transformers"));
  EXPECT_TRUE(takes_library(component_type("transformer"), "fastvideo.models.dits"));
  EXPECT_FALSE(takes_library(component_type("transformer"), "fastvideo"));
  EXPECT_TRUE(takes_library(component_type("conditioner"), "fastvideo"));
  EXPECT_TRUE(takes_library(component_type("text_encoder"), "transformers"));
  EXPECT_TRUE(takes_library(component_type("vocoder"), "ltx2"));
  EXPECT_TRUE(takes_library(component_type("anything"), "of_mine"));
}

TEST(ComponentType, IsStrictByTypeAndClass) {
  EXPECT_TRUE(is_strict_of_unexpected(component_type("transformer"), "Any"));
  EXPECT_TRUE(is_strict_of_missing(component_type("text_encoder"), "Any"));
  EXPECT_FALSE(is_strict_of_unexpected(component_type("text_encoder"), "Any"));
  for (const char* strict : {"AutoencoderKL", "AutoencoderKLMiniMaxH3", "AutoencoderKLWan"}) {
    EXPECT_TRUE(is_strict_of_missing(component_type("vae"), strict));
    EXPECT_TRUE(is_strict_of_unexpected(component_type("vae"), strict));
  }
  EXPECT_FALSE(is_strict_of_missing(component_type("vae"), "AutoencoderDC"));
  EXPECT_TRUE(is_strict_of_unexpected(component_type("upsampler"), ""));
  EXPECT_FALSE(is_strict_of_missing(component_type("conditioner"), ""));
}

TEST(ComponentType, IsFoundByRole) {
  EXPECT_EQ(component_type_of_role("dit").loader, "transformer");
  EXPECT_EQ(component_type_of_role("text_encoder").loader, "text encoder");
  EXPECT_EQ(component_type_of_role("").loader, "generic");
  EXPECT_EQ(component_type_of_role("sr").loader, "generic");
}

TEST(ComponentType, LeavesOutWhatFastVideoLeavesOut) {
  for (const char* name : {"training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt", "scaler.pt",
                           "rank0_optimizer.pt"})
    EXPECT_TRUE(is_not_for_inference(name)) << name;
  for (const char* name :
       {"optimizer.safetensors", "scheduler.bin", "model.pt", "pytorch_model.bin", "scaler"})
    EXPECT_FALSE(is_not_for_inference(name)) << name;
}

}  // namespace
}  // namespace ditmill::registry
