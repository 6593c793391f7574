#include <gtest/gtest.h>

#include "models/wan/names.h"
#include "tests/models/tiny_component.h"

namespace ditmill::models::wan {
namespace {

TEST(WanNames, Float32IslandsAreThoseOfFromPretrained) {
  for (const char* name :
       {"condition_embedder.time_embedder.linear_1.weight", "scale_shift_table", "blocks.0.scale_shift_table",
        "blocks.11.norm2.weight", "blocks.0.norm2.bias", "blocks.0.norm1.weight", "norm3.weight", "rope"}) {
    EXPECT_TRUE(is_float32_island(name)) << name;
  }
  for (const char* name :
       {"", "blocks.0.attn1.norm_q.weight", "blocks.0.attn2.norm_k.weight",
        "condition_embedder.time_proj.weight", "patch_embedding.weight", "proj_out.bias", "norm_out.weight",
        "blocks.0.norm22.weight", "condition_embedder.text_embedder.linear_1.weight", "xnorm1.weight",
        "scale_shift_tables"}) {
    EXPECT_FALSE(is_float32_island(name)) << name;
  }
}

TEST(WanNames, AThirtyBlockTransformerHasTheTensorsOfThePublishedOne) {
  Dims dims = tiny_dims();
  dims.layers = 30;
  EXPECT_EQ(dit_shapes(dims).size(), 825U);
}

}  // namespace
}  // namespace ditmill::models::wan
