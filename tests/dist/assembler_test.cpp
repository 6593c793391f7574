#include "dist/weights/assembler.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
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
  Assembler assembler(plan);
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
    const std::uint64_t width = static_cast<std::uint64_t>(registry::bits(type)) / 8;
    registry::WeightFile file{.path = prefix, .tensors = {}};
    std::uint64_t at = 13;
    const auto add = [&](const std::string& name, std::vector<std::uint64_t> shape) {
      registry::TensorInfo tensor{
          .name = prefix + "." + name, .type = type, .shape = std::move(shape), .begin = at};
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

TEST(Assembler, SaysSoIfBytesAreMissing) {
  const Layout layout = every_type(Dtype::float32);
  Assembler assembler(layout.plan);
  assembler.add({.file = 0, .offset = 0, .length = 100}, std::span(layout.files[0]).first(100));
  EXPECT_THROW(assembler.finish(), Error);
}

}  // namespace
}  // namespace ditmill::dist
