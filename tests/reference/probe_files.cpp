#include "tests/reference/probe_files.h"

#include <ATen/ATen.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/formats/safetensors.h"

namespace ditmill::probe {
namespace {

using registry::ElementType;

constexpr std::array<std::pair<ElementType, at::ScalarType>, 4> types{{{ElementType::f32, at::kFloat},
                                                                       {ElementType::bf16, at::kBFloat16},
                                                                       {ElementType::i64, at::kLong},
                                                                       {ElementType::u8, at::kByte}}};

at::ScalarType scalar_type(const registry::TensorInfo& tensor) {
  for (const auto& [element, scalar] : types) {
    if (element == tensor.type) return scalar;
  }
  throw Error{Category::unsupported, "read a probe's tensors", Where{.tensor = tensor.name}};
}

std::string type_name(const at::Tensor& tensor) {
  for (const auto& [element, scalar] : types) {
    if (scalar == tensor.scalar_type()) return std::string(registry::name(element));
  }
  throw Error{
      Category::unsupported, "write a probe's tensors", {}, {}, Got{at::toString(tensor.scalar_type())}};
}

}  // namespace

dist::TensorMap read_tensors(const std::string& path) {
  const auto source = registry::open_file(path);
  dist::TensorMap out;
  for (const registry::TensorInfo& info : registry::read_safetensors_header(*source).tensors) {
    const std::vector<std::int64_t> shape(info.shape.begin(), info.shape.end());
    at::Tensor tensor = at::empty(shape, scalar_type(info));
    source->read_at(info.begin, {static_cast<std::byte*>(tensor.data_ptr()), tensor.nbytes()});
    out.emplace(info.name, tensor);
  }
  return out;
}

void write_tensors(const std::string& path, const dist::TensorMap& tensors) {
  nlohmann::json header;
  std::size_t end = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t begin = end;
    end += tensor.nbytes();
    header[name] = {
        {"dtype", type_name(tensor)}, {"shape", tensor.sizes().vec()}, {"data_offsets", {begin, end}}};
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << text;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor bytes = tensor.to(at::kCPU).contiguous();
    file.write(static_cast<const char*>(bytes.data_ptr()), static_cast<std::streamsize>(bytes.nbytes()));
  }
  if (!file.flush()) throw Error{Category::io, "write a probe's tensors", Where{.file = path}};
}

}  // namespace ditmill::probe
