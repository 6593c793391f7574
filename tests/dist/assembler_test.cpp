#include "dist/weights/tensors/assembler.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <span>

#include "configs/error.h"
#include "tests/dist/assembler_fixture.h"

namespace ditmill::dist {
namespace {

using assembler_test::assemble;
using assembler_test::every_type;
using assembler_test::in_file;
using assembler_test::Layout;
using assembler_test::read_whole;
using assembler_test::same_bits;
using assembler_test::views;
using configs::Dtype;
using registry::ElementType;

TEST(Assembler, GivesTheBitsOfTorchWhereverChunksAreCut) {
  for (const Dtype dtype : {Dtype::float32, Dtype::bfloat16}) {
    const Layout layout = every_type(dtype);
    for (const std::size_t step : {1ul, 2ul, 3ul, 7ul, 64ul, 1000ul, 1ul << 20}) {
      const TensorMap tensors = assemble(layout.plan, layout.files, step);
      std::size_t checked = 0;
      for (std::size_t f = 0; f < layout.files.size(); ++f) {
        for (const registry::TensorInfo& info : layout.plan.files[f].tensors) {
          const std::vector<std::int64_t> shape(info.shape.begin(), info.shape.end());
          const at::Tensor raw = at::empty(shape, in_file(info.type));
          std::memcpy(raw.data_ptr(), layout.files[f].data() + info.begin, raw.nbytes());
          const bool wide = dtype == Dtype::float32 || info.name.ends_with(".kept");
          EXPECT_TRUE(same_bits(tensors.at(info.name), raw.to(wide ? at::kFloat : at::kBFloat16)))
              << info.name << " in chunks of " << step;
          ++checked;
        }
      }
      EXPECT_EQ(tensors.size(), checked);
    }
  }
}

TEST(Assembler, CopiesViewsOfOneStorageWhateverTheirStrides) {
  for (const ElementType type : {ElementType::f32, ElementType::bf16, ElementType::f16}) {
    for (const Dtype dtype : {Dtype::float32, Dtype::bfloat16}) {
      const Layout layout = views(type, dtype);
      for (const std::size_t step : {1ul, 7ul, 100ul, 1ul << 20}) {
        const TensorMap tensors = assemble(layout.plan, layout.files, step);
        for (const registry::TensorInfo& info : layout.plan.files[0].tensors) {
          const at::Tensor want =
              read_whole(layout, 0, info).to(dtype == Dtype::float32 ? at::kFloat : at::kBFloat16);
          EXPECT_TRUE(same_bits(tensors.at(info.name), want)) << info.name << " in chunks of " << step;
        }
        EXPECT_EQ(tensors.size(), layout.plan.files[0].tensors.size());
      }
    }
  }
}

TEST(Assembler, JoinsPartsAndLeavesOutWhatTheLayersDoNotTake) {
  Layout layout = every_type(Dtype::bfloat16);
  const auto matrix = [](const char* type) { return std::string(type) + ".matrix"; };
  layout.plan.named = {
      {.name = "rows", .shape = {111, 53}, .parts = {matrix("BF16"), matrix("F64"), matrix("F16")}, .dim = 0},
      {.name = "columns", .shape = {2, 6, 5}, .parts = {"F32.last", "BF16.last"}, .dim = 1},
      {.name = "F32.kept", .shape = {1001}, .parts = {"F16.kept"}, .dim = 0},
      {.name = "nothing", .shape = {3, 0, 2}, .parts = {"F64.empty"}, .dim = 0}};
  std::map<std::string, at::Tensor> read;
  for (std::size_t f = 0; f < layout.files.size(); ++f) {
    for (const auto& info : layout.plan.files[f].tensors) read[info.name] = read_whole(layout, f, info);
  }
  const auto narrow = [&](const std::string& name) { return read.at(name).to(at::kBFloat16); };
  for (const std::size_t step : {13ul, 1000ul, 1ul << 20}) {
    const TensorMap tensors = assemble(layout.plan, layout.files, step);
    ASSERT_EQ(tensors.size(), 4U);
    EXPECT_TRUE(same_bits(tensors.at("rows"),
                          at::cat({narrow("BF16.matrix"), narrow("F64.matrix"), narrow("F16.matrix")})));
    EXPECT_TRUE(same_bits(tensors.at("columns"), at::cat({narrow("F32.last"), narrow("BF16.last")}, 1)));
    EXPECT_TRUE(same_bits(tensors.at("F32.kept"), read.at("F16.kept").to(at::kFloat)))
        << "its new name stays float32";
    EXPECT_TRUE(same_bits(tensors.at("nothing"), at::empty({3, 0, 2}, at::kBFloat16)));
  }
}

TEST(Assembler, SaysSoIfBytesAreMissing) {
  const Layout layout = every_type(Dtype::float32);
  Assembler assembler(layout.plan, Mesh(1, {}), 0);
  assembler.add({.file = 0, .offset = 0, .length = 100}, std::span(layout.files[0]).first(100));
  EXPECT_THROW(assembler.finish(), Error);
}

}  // namespace
}  // namespace ditmill::dist
