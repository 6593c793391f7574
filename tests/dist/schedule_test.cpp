#include "dist/weights/source/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "configs/error.h"
#include "registry/digest.h"

namespace ditmill::dist {
namespace {

using registry::ElementType;
using registry::leaf_bytes;
using testing::HasSubstr;

ComponentPlan plan_of(const std::vector<std::uint64_t>& sizes) {
  ComponentPlan plan{};
  for (const std::uint64_t size : sizes) plan.files.push_back({.path = "f", .size = size, .tensors = {}});
  return plan;
}

TEST(Schedule, CutsEveryFileAtMultiplesOfALeaf) {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, leaf_bytes - 1, leaf_bytes,
                                   leaf_bytes + 1, 7 * leaf_bytes, 7 * leaf_bytes + 5}) {
    const std::vector<Chunk> chunks = schedule(plan_of({size}));
    EXPECT_EQ(chunks.size(), (size + leaf_bytes - 1) / leaf_bytes);
    std::uint64_t at = 0;
    for (const Chunk& chunk : chunks) {
      EXPECT_EQ(chunk.offset, at);
      EXPECT_LE(chunk.length, leaf_bytes);
      at += chunk.length;
    }
    EXPECT_EQ(at, size);
  }
}

TEST(Schedule, NeverJoinsTwoFiles) {
  const std::vector<Chunk> chunks = schedule(plan_of({10, 0, leaf_bytes + 2}));
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(chunks[0].file, 0u);
  EXPECT_EQ(chunks[1].file, 2u);
  EXPECT_EQ(chunks[1].offset, 0u);
  EXPECT_EQ(chunks[2].length, 2u);
}

registry::TensorInfo tensor(std::string name, std::uint64_t begin, std::uint64_t elements,
                            ElementType type = ElementType::f32) {
  return {.name = std::move(name),
          .type = type,
          .shape = {elements},
          .begin = begin,
          .end = begin + elements * static_cast<std::uint64_t>(registry::bits(type)) / 8};
}

TEST(TensorsIn, NamesThoseThatHaveBytesThere) {
  const registry::WeightFile file{
      .path = "f",
      .size = 100,
      .tensors = {tensor("a", 8, 2), tensor("b", 16, 1), tensor("c", 20, 5), tensor("d", 40, 15)}};
  EXPECT_EQ(tensors_in(file, 0, 8), "");
  EXPECT_EQ(tensors_in(file, 8, 9), "a");
  EXPECT_EQ(tensors_in(file, 15, 17), "a, b");
  EXPECT_EQ(tensors_in(file, 16, 17), "b");
  EXPECT_EQ(tensors_in(file, 0, 21), "a, b, c");
  EXPECT_EQ(tensors_in(file, 0, 100), "a ... d (4 tensors)");
  EXPECT_EQ(tensors_in(file, 99, 100), "d");
  EXPECT_EQ(tensors_in(file, 100, 200), "");
}

struct BadPlan {
  std::string what;
  Category category;
  std::string says;
  std::function<void(ComponentPlan&)> spoil;
};

TEST(CheckPlan, RefusesWhatCannotBeStreamed) {
  const BadPlan cases[] = {
      {"integers", Category::unsupported, "expected elements of F32, BF16, F16 or F64, got I64",
       [](ComponentPlan& p) { p.files[0].tensors[1] = tensor("b", 16, 1, ElementType::i64); }},
      {"fp8", Category::unsupported, "got F8_E4M3",
       [](ComponentPlan& p) { p.files[0].tensors[1] = tensor("b", 16, 8, ElementType::f8_e4m3); }},
      {"a name in two files", Category::bad_input, "tensor a",
       [](ComponentPlan& p) { p.files[1].tensors[0].name = "a"; }},
      {"tensors out of order", Category::internal, "tensor b",
       [](ComponentPlan& p) { p.files[0].tensors[1] = tensor("b", 4, 2); }},
      {"strides that reach further", Category::internal, "tensor b",
       [](ComponentPlan& p) { p.files[0].tensors[1].strides = {2}; }},
      {"a range past the end", Category::internal, "tensor b",
       [](ComponentPlan& p) { p.files[0].tensors[1].shape = {4}, p.files[0].tensors[1].end = 32; }},
      {"a range that does not fit the shape", Category::internal, "tensor b",
       [](ComponentPlan& p) { p.files[0].tensors[1].shape = {1}; }},
      {"a range that ends before it begins", Category::internal, "tensor b",
       [](ComponentPlan& p) { p.files[0].tensors[1].end = 0; }},
  };
  const ComponentPlan good{
      .name = "transformer",
      .hyper_parameters = {},
      .dtype = configs::Dtype::bfloat16,
      .keep_float32 = {},
      .files = {{.path = "f", .size = 24, .tensors = {tensor("a", 8, 2), tensor("b", 16, 2)}},
                {.path = "g", .size = 12, .tensors = {tensor("c", 8, 2, ElementType::f16)}}}};
  EXPECT_NO_THROW(check_plan(good));
  ComponentPlan views = good;
  views.files[0].tensors[0] = tensor("a", 8, 4);
  views.files[0].tensors[0].shape = {2};
  views.files[0].tensors[0].strides = {3};
  EXPECT_NO_THROW(check_plan(views)) << "views of one storage overlap";
  ComponentPlan beside = good;
  beside.files[0].tensors[1] = tensor("b", 16, 1, ElementType::i64);
  beside.named = {{.name = "x", .shape = {2}, .parts = {"a"}}, {.name = "y", .shape = {2}, .parts = {"c"}}};
  EXPECT_NO_THROW(check_plan(beside)) << "no layer has the integers";
  for (const BadPlan& each : cases) {
    ComponentPlan plan = good;
    each.spoil(plan);
    try {
      check_plan(plan);
      ADD_FAILURE() << each.what;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), each.category) << each.what;
      EXPECT_THAT(error.what(), HasSubstr(each.says)) << each.what;
    }
  }
}

}  // namespace
}  // namespace ditmill::dist
