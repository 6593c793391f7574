#include "tests/dist/assembler_fixture.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

#include "dist/weights/tensors/assembler.h"

namespace ditmill::dist::assembler_test {
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

}  // namespace

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

TensorMap assemble(const ComponentPlan& plan, const std::vector<std::vector<std::byte>>& files,
                   std::size_t step, const Mesh& mesh, int rank) {
  Assembler assembler(plan, mesh, rank);
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

}  // namespace ditmill::dist::assembler_test
