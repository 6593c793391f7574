#include "dist/weights/assembler.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>

#include "configs/error.h"

namespace ditmill::dist {
namespace {

using configs::Dtype;
using registry::ElementType;

/// Bytes with every kind of value in them: numbers of all sizes, subnormal ones, infinities, NaN.
std::vector<std::byte> random_bytes(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

at::ScalarType in_file(ElementType type) {
  switch (type) {
    case ElementType::f64:
      return at::kDouble;
    case ElementType::f16:
      return at::kHalf;
    case ElementType::bf16:
      return at::kBFloat16;
    default:
      return at::kFloat;
  }
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() && a.is_contiguous() &&
         std::memcmp(a.data_ptr(), b.data_ptr(), a.nbytes()) == 0;
}

/// Adds a file's bytes in chunks of `step`.
TensorMap assemble(const ComponentPlan& plan, const std::vector<std::vector<std::byte>>& files,
                   std::size_t step) {
  Assembler assembler(plan, Mesh(1, {}), 0);
  for (std::size_t f = 0; f < files.size(); ++f) {
    for (std::size_t at = 0; at < files[f].size(); at += step) {
      // A copy that goes at once: nothing of a tensor may alias it.
      const std::size_t length = std::min(step, files[f].size() - at);
      const std::vector<std::byte> chunk(files[f].begin() + static_cast<std::ptrdiff_t>(at),
                                         files[f].begin() + static_cast<std::ptrdiff_t>(at + length));
      assembler.add({.file = f, .offset = at, .length = length}, chunk);
    }
  }
  return assembler.finish();
}

struct Layout {
  ComponentPlan plan;
  std::vector<std::vector<std::byte>> files;
};

/// One file a type, each with a header of an odd length, so that tensors are not aligned.
Layout every_type(Dtype dtype) {
  Layout layout;
  layout.plan.dtype = dtype;
  layout.plan.keep_float32 = {"BF16.kept", "F16.kept", "F32.kept", "F64.kept"};
  for (const ElementType type : {ElementType::f64, ElementType::f32, ElementType::f16, ElementType::bf16}) {
    const std::string prefix(registry::name(type));
    const std::string scope = prefix + ".";
    const std::uint64_t width = static_cast<std::uint64_t>(registry::bits(type)) / 8;
    registry::WeightFile file{.path = prefix, .tensors = {}};
    std::uint64_t at = 13;
    const auto add = [&](const std::string& name, std::vector<std::uint64_t> shape) {
      registry::TensorInfo tensor{.name = scope + name, .type = type, .shape = std::move(shape), .begin = at};
      tensor.end = at += tensor.elements() * width;
      file.tensors.push_back(tensor);
    };
    add("empty_first", {0});
    add("matrix", {37, 53});
    add("scalar", {});
    add("empty", {3, 0, 2});
    add("kept", {1001});
    add("last", {2, 3, 5});
    add("empty_last", {0, 4});
    file.size = at;
    layout.files.push_back(random_bytes(at, static_cast<unsigned>(width) + 7));
    layout.plan.files.push_back(std::move(file));
  }
  return layout;
}

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

/// A file of `count` elements from byte 13 on, as a checkpoint of torch may hold them: views that overlap,
/// with strides, expanded, transposed.
Layout views(ElementType type, Dtype dtype) {
  Layout layout;
  layout.plan.dtype = dtype;
  const std::uint64_t width = static_cast<std::uint64_t>(registry::bits(type)) / 8;
  struct View {
    const char* name;
    std::uint64_t first;
    std::vector<std::uint64_t> shape;
    std::vector<std::uint64_t> strides;
  };
  const View all[] = {{"whole", 0, {600}, {}},        {"transposed", 0, {20, 30}, {1, 20}},
                      {"every third", 5, {100}, {3}}, {"expanded", 17, {4, 7}, {0, 2}},
                      {"inner", 200, {10, 10}, {}},   {"scalar", 599, {}, {}}};
  registry::WeightFile file{.path = "views", .size = 13 + 600 * width, .tensors = {}};
  for (const View& view : all) {
    registry::TensorInfo tensor{
        .name = view.name, .type = type, .shape = view.shape, .strides = view.strides};
    std::uint64_t last = view.strides.empty() ? tensor.elements() - 1 : 0;
    for (std::size_t i = 0; i < view.strides.size(); ++i) last += (view.shape[i] - 1) * view.strides[i];
    tensor.begin = 13 + view.first * width;
    tensor.end = tensor.begin + (last + 1) * width;
    file.tensors.push_back(std::move(tensor));
  }
  std::ranges::sort(file.tensors, {}, [](const auto& tensor) { return std::pair{tensor.begin, tensor.end}; });
  layout.files.push_back(random_bytes(file.size, 3));
  layout.plan.files.push_back(std::move(file));
  return layout;
}

/// A tensor of a file, read at once.
at::Tensor read_whole(const Layout& layout, std::size_t f, const registry::TensorInfo& info) {
  std::vector<std::int64_t> shape(info.shape.begin(), info.shape.end());
  std::vector<std::int64_t> strides(info.strides.begin(), info.strides.end());
  const auto bytes = static_cast<std::int64_t>(info.end - info.begin);
  const at::Tensor raw = at::empty({bytes}, at::kByte);
  std::memcpy(raw.data_ptr(), layout.files[f].data() + info.begin, raw.nbytes());
  const at::Tensor view = strides.empty() ? at::from_blob(raw.data_ptr(), shape, in_file(info.type))
                                          : at::from_blob(raw.data_ptr(), shape, strides, in_file(info.type));
  return view.clone(at::MemoryFormat::Contiguous);
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
