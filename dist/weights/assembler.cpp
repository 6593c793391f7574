#include "dist/weights/assembler.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "configs/error.h"

namespace ditmill::dist {
namespace {

at::ScalarType scalar_type(registry::ElementType type) {
  switch (type) {
    case registry::ElementType::f64:
      return at::kDouble;
    case registry::ElementType::f16:
      return at::kHalf;
    case registry::ElementType::bf16:
      return at::kBFloat16;
    default:
      return at::kFloat;
  }
}

at::ScalarType scalar_type(configs::Dtype dtype) {
  return dtype == configs::Dtype::float32 ? at::kFloat : at::kBFloat16;
}

std::vector<std::int64_t> sizes_of(const registry::TensorInfo& tensor) {
  return {tensor.shape.begin(), tensor.shape.end()};
}

/// Runs what can only fail for want of memory.
template <typename Make>
at::Tensor allocated(const registry::TensorInfo& tensor, Make&& make) {
  try {
    return make();
  } catch (const c10::Error&) {
    throw Error{Category::memory,
                "load weights",
                Where{.tensor = tensor.name},
                Expected{"room for its " + std::to_string(tensor.elements()) + " elements"},
                Got{"an allocation that failed"},
                "give the job more memory a node, or fewer ranks a node"};
  }
}

}  // namespace

Assembler::Assembler(const ComponentPlan& plan) : plan_(&plan) {
  for (const registry::WeightFile& file : plan.files) {
    for (const registry::TensorInfo& tensor : file.tensors) {
      if (tensor.begin < tensor.end) continue;
      tensors_.insert_or_assign(tensor.name,
                                at::empty(sizes_of(tensor), scalar_type(plan.dtype_of(tensor.name))));
    }
  }
}

void Assembler::begin(const registry::TensorInfo& tensor) {
  const at::ScalarType from = scalar_type(tensor.type);
  if (from == scalar_type(plan_->dtype_of(tensor.name))) {
    current_ = allocated(tensor, [&] { return at::empty(sizes_of(tensor), from); });
    return;
  }
  const auto bytes = static_cast<std::int64_t>(tensor.end - tensor.begin);
  if (!scratch_.defined() || scratch_.numel() < bytes) {
    scratch_.reset();
    scratch_ = allocated(tensor, [&] { return at::empty({bytes}, at::kByte); });
  }
  current_ = at::from_blob(scratch_.data_ptr(), sizes_of(tensor), from);
}

void Assembler::end(const registry::TensorInfo& tensor) {
  const at::ScalarType to = scalar_type(plan_->dtype_of(tensor.name));
  if (current_.scalar_type() != to) current_ = allocated(tensor, [&] { return current_.to(to); });
  tensors_.insert_or_assign(tensor.name, current_);
  current_.reset();
  ++tensor_;
}

void Assembler::add(const Chunk& chunk, std::span<const std::byte> bytes) {
  if (chunk.file != file_) {
    file_ = chunk.file;
    tensor_ = 0;
  }
  const std::vector<registry::TensorInfo>& tensors = plan_->files[file_].tensors;
  const std::uint64_t chunk_end = chunk.offset + chunk.length;
  while (tensor_ < tensors.size()) {
    const registry::TensorInfo& tensor = tensors[tensor_];
    if (tensor.begin == tensor.end) {
      ++tensor_;
      continue;
    }
    if (tensor.begin >= chunk_end) return;
    if (!current_.defined()) begin(tensor);
    const std::uint64_t from = std::max(tensor.begin, chunk.offset);
    const std::uint64_t to = std::min(tensor.end, chunk_end);
    std::memcpy(static_cast<std::byte*>(current_.data_ptr()) + (from - tensor.begin),
                bytes.data() + (from - chunk.offset), to - from);
    if (tensor.end > chunk_end) return;
    end(tensor);
  }
}

TensorMap Assembler::finish() {
  std::size_t planned = 0;
  for (const registry::WeightFile& file : plan_->files) planned += file.tensors.size();
  if (tensors_.size() != planned || current_.defined()) {
    throw Error{Category::internal,
                "assemble weights",
                {},
                Expected{std::to_string(planned) + " tensors"},
                Got{std::to_string(tensors_.size())}};
  }
  return std::move(tensors_);
}

}  // namespace ditmill::dist
