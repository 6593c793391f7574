#include "models/text_cache.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace ditmill::models {
namespace {

/// Ten float32 values, 40 bytes, that tell the text.
EncodedText embed(const std::string& text) {
  return {.embedding = at::full({10}, static_cast<double>(text.size())), .tokens = 12, .tokens_cut = 2};
}

TEST(TextCache, EncodesATextOnce) {
  TextCache cache(1000);
  int calls = 0;
  for (int i = 0; i < 3; ++i) {
    const EncodedText encoded = cache.get("cat", [&](const std::string& text) {
      ++calls;
      return embed(text);
    });
    EXPECT_EQ(encoded.embedding[0].item<float>(), 3.0F);
    EXPECT_EQ(encoded.tokens, 12);
    EXPECT_EQ(encoded.tokens_cut, 2);
  }
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(cache.hits(), 2U);
  EXPECT_EQ(cache.misses(), 1U);
}

TEST(TextCache, NeverHoldsMoreThanItsBytes) {
  TextCache cache(100);
  for (int i = 0; i < 50; ++i) {
    cache.get(std::to_string(i), embed);
    EXPECT_LE(cache.bytes(), 100U);
    EXPECT_EQ(cache.bytes(), cache.size() * 40);
  }
  EXPECT_EQ(cache.size(), 2U);
}

TEST(TextCache, LetsGoOfTheTextUsedLeastRecently) {
  TextCache cache(80);
  cache.get("a", embed);
  cache.get("b", embed);
  cache.get("a", embed);
  cache.get("c", embed);
  EXPECT_TRUE(cache.holds("a"));
  EXPECT_FALSE(cache.holds("b"));
  EXPECT_TRUE(cache.holds("c"));
}

TEST(TextCache, HandsOutWhatIsTooLargeToKeep) {
  TextCache cache(39);
  EXPECT_EQ(cache.get("cat", embed).embedding[9].item<float>(), 3.0F);
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(TextCache, AnEmbeddingOutlivesItsPlace) {
  TextCache cache(40);
  const at::Tensor first = cache.get("cat", embed).embedding;
  cache.get("horse", embed);
  EXPECT_FALSE(cache.holds("cat"));
  EXPECT_EQ(first[0].item<float>(), 3.0F);
}

TEST(TextCache, AFailedEncodingLeavesItAsItWas) {
  TextCache cache(80);
  cache.get("a", embed);
  EXPECT_THROW(cache.get("b", [](const std::string&) -> EncodedText { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_TRUE(cache.holds("a"));
  EXPECT_FALSE(cache.holds("b"));
  EXPECT_EQ(cache.get("b", embed).embedding[0].item<float>(), 1.0F);
}

}  // namespace
}  // namespace ditmill::models
