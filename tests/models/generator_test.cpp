#include "models/generator.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>

#include "configs/error.h"
#include "models/generator_table.h"

namespace ditmill::models {
namespace {

template <typename Body>
Category category_of(const Body& body) {
  try {
    translate_errors(body);
  } catch (const Error& error) {
    return error.category();
  }
  ADD_FAILURE() << "nothing was thrown";
  return Category::internal;
}

TEST(TranslateErrors, AnAllocationThatFailsIsMemory) {
  EXPECT_EQ(category_of([] { throw std::bad_alloc(); }), Category::memory);
  EXPECT_EQ(category_of([] { at::empty({std::int64_t{1} << 55}); }), Category::memory);
}

TEST(TranslateErrors, OtherFailuresOfLibTorchAreInternalWithItsWords) {
  try {
    translate_errors([] { at::ones({2}) + at::ones({3}); });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::internal);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("must match"));
  }
}

TEST(TranslateErrors, AnErrorOfOursPassesAsItIs) {
  EXPECT_EQ(category_of([] { throw Error{Category::numeric, "denoise"}; }), Category::numeric);
}

TEST(TranslateErrors, IsSilentWhenNothingFails) {
  EXPECT_NO_THROW(translate_errors([] {}));
}

TEST(MakeGenerator, AnUnknownFamilyIsRefused) {
  LoadedModel model;
  model.family = "sora";
  try {
    make_generator(model, {}, dist::ParallelContext(dist::Mesh(1, {}), 0));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::unsupported);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("sora"));
  }
}

TEST(MakeTextEncoder, AnUnknownFamilyIsRefused) {
  LoadedModel model;
  model.family = "sora";
  EXPECT_THROW(make_text_encoder(model, dist::ParallelContext(dist::Mesh(1, {}), 0)), Error);
}

TEST(MakeGenerator, EveryFamilyHasLayers) {
  for (const Family* family : families()) {
    const auto table = generator_table();
    EXPECT_TRUE(std::ranges::any_of(table, [&](const GeneratorEntry& e) {
      return e.family == family->name();
    })) << family->name();
  }
}

}  // namespace
}  // namespace ditmill::models
