#include "models/text_cache.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace ditmill::models {
namespace {

/// Ten float32 values, 40 bytes, that tell the text.
EncodedText embed(const TextTask& task) {
  return {.tensors = {{"text", at::full({10}, static_cast<double>(task.text.size()))}},
          .tokens = 12,
          .tokens_cut = 2};
}

TextTask task(const std::string& text) { return {"text_encoder", text}; }

float first_of(const EncodedText& encoded) { return encoded.tensors.at("text")[0].item<float>(); }

TEST(TextCache, EncodesATextOnce) {
  TextCache cache(1000);
  int calls = 0;
  for (int i = 0; i < 3; ++i) {
    const EncodedText encoded = cache.get(task("cat"), [&](const TextTask& asked) {
      ++calls;
      return embed(asked);
    });
    EXPECT_EQ(first_of(encoded), 3.0F);
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
    cache.get(task(std::to_string(i)), embed);
    EXPECT_LE(cache.bytes(), 100U);
    EXPECT_EQ(cache.bytes(), cache.size() * 40);
  }
  EXPECT_EQ(cache.size(), 2U);
}

TEST(TextCache, LetsGoOfTheTextUsedLeastRecently) {
  TextCache cache(80);
  cache.get(task("a"), embed);
  cache.get(task("b"), embed);
  cache.get(task("a"), embed);
  cache.get(task("c"), embed);
  EXPECT_TRUE(cache.holds(task("a")));
  EXPECT_FALSE(cache.holds(task("b")));
  EXPECT_TRUE(cache.holds(task("c")));
}

TEST(TextCache, HandsOutWhatIsTooLargeToKeep) {
  TextCache cache(39);
  EXPECT_EQ(first_of(cache.get(task("cat"), embed)), 3.0F);
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(TextCache, AnEmbeddingOutlivesItsPlace) {
  TextCache cache(40);
  const EncodedText first = cache.get(task("cat"), embed);
  cache.get(task("horse"), embed);
  EXPECT_FALSE(cache.holds(task("cat")));
  EXPECT_EQ(first_of(first), 3.0F);
}

TEST(TextCache, AFailedEncodingLeavesItAsItWas) {
  TextCache cache(80);
  cache.get(task("a"), embed);
  EXPECT_THROW(cache.get(task("b"), [](const TextTask&) -> EncodedText { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_TRUE(cache.holds(task("a")));
  EXPECT_FALSE(cache.holds(task("b")));
  EXPECT_EQ(first_of(cache.get(task("b"), embed)), 1.0F);
}

TEST(TextCache, KeepsEncodersApart) {
  TextCache cache(1000);
  cache.get({"text_encoder", "cat"}, embed);
  EXPECT_FALSE(cache.holds({"text_encoder_2", "cat"}));
}

}  // namespace
}  // namespace ditmill::models
