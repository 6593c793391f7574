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

Assembler::Assembler(const ComponentPlan& plan, const at::Device& device) : plan_(&plan), device_(device) {
  plan_parts();
  for (const registry::WeightFile& file : plan.files) {
    for (const registry::TensorInfo& tensor : file.tensors) {
      if (!kept(tensor)) continue;
      if (tensor.begin < tensor.end) {
        ++missing_;
      } else {
        put(tensor, at::empty(sizes_of(tensor), scalar_type(tensor.type)), true);
      }
    }
  }
}

void Assembler::plan_parts() {
  std::unordered_map<std::string_view, const registry::TensorInfo*> infos;
  if (plan_->named.empty()) return;
  for (const registry::WeightFile& file : plan_->files) {
    for (const registry::TensorInfo& tensor : file.tensors) infos.emplace(tensor.name, &tensor);
  }
  for (const registry::NamedTensor& whole : plan_->named) {
    std::uint64_t offset = 0;
    for (const std::string& part : whole.parts) {
      const auto info = infos.find(part);
      if (info == infos.end()) {
        throw Error{Category::internal, "plan a component", Where{.tensor = whole.name},
                    Expected{"parts that the files hold"}, Got{printable(part)}};
      }
      parts_.emplace(info->first, Place{&whole, static_cast<std::int64_t>(offset)});
      if (whole.parts.size() > 1) offset += info->second->shape.at(whole.dim);
    }
  }
}

bool Assembler::kept(const registry::TensorInfo& tensor) const {
  return plan_->named.empty() || parts_.contains(tensor.name);
}

/// Gives a tensor of the files, in any type and with any strides, its place among those of the layers; it is
/// copied unless it is owned. What has to be made dense is so first: converted in one step, NaNs may get
/// other bits.
void Assembler::put(const registry::TensorInfo& tensor, const at::Tensor& value, bool owned) {
  const auto part = parts_.find(tensor.name);
  const registry::NamedTensor* whole = part == parts_.end() ? nullptr : part->second.whole;
  const std::string& name = whole == nullptr ? tensor.name : whole->name;
  const at::ScalarType to = scalar_type(plan_->dtype_of(name));
  if (whole != nullptr && whole->parts.size() > 1) {
    at::Tensor& joined = tensors_[name];
    if (!joined.defined()) {
      const std::vector<std::int64_t> sizes(whole->shape.begin(), whole->shape.end());
      joined = allocated(tensor, [&] { return at::empty(sizes, at::TensorOptions(to).device(device_)); });
    }
    const auto dim = static_cast<std::int64_t>(whole->dim);
    joined.narrow(dim, part->second.offset, value.size(dim)).copy_(value.contiguous().to(to));
    return;
  }
  at::Tensor own = value;
  if (value.scalar_type() != to || !value.is_contiguous()) {
    own = allocated(tensor, [&] { return value.contiguous().to(to); });
  } else if (!owned) {
    own = allocated(tensor, [&] { return value.clone(); });
  }
  if (device_ != at::kCPU) own = allocated(tensor, [&] { return own.to(device_); });
  tensors_.insert_or_assign(name, own);
}

at::Tensor Assembler::take_buffer(const registry::TensorInfo& tensor, std::int64_t bytes) {
  const auto fits =
      std::ranges::find_if(buffers_, [bytes](const at::Tensor& b) { return b.numel() >= bytes; });
  at::Tensor buffer;
  if (fits != buffers_.end()) {
    buffer = *fits;
    buffers_.erase(fits);
  } else {
    if (!buffers_.empty()) buffers_.pop_back();  // too small: its memory goes first
    buffer = allocated(tensor, [&] { return at::empty({bytes}, at::kByte); });
  }
  return buffer;
}

Assembler::Open Assembler::open(const registry::TensorInfo& tensor) {
  const auto part = parts_.find(tensor.name);
  const registry::NamedTensor* whole = part == parts_.end() ? nullptr : part->second.whole;
  const at::ScalarType from = scalar_type(tensor.type);
  const bool direct = tensor.strides.empty() && (whole == nullptr || whole->parts.size() == 1) &&
                      from == scalar_type(plan_->dtype_of(whole == nullptr ? tensor.name : whole->name));
  if (direct) return {&tensor, allocated(tensor, [&] { return at::empty(sizes_of(tensor), from); }), true};
  return {&tensor, take_buffer(tensor, static_cast<std::int64_t>(tensor.end - tensor.begin)), false};
}

void Assembler::close(Open& tensor) {
  const registry::TensorInfo& info = *tensor.info;
  if (tensor.direct) {
    put(info, tensor.bytes, true);
  } else {
    void* data = tensor.bytes.data_ptr();
    const at::ScalarType from = scalar_type(info.type);
    if (info.strides.empty()) {
      put(info, at::from_blob(data, sizes_of(info), from), false);
    } else {
      const std::vector<std::int64_t> strides(info.strides.begin(), info.strides.end());
      put(info, at::from_blob(data, sizes_of(info), strides, from), false);
    }
    buffers_.push_back(std::move(tensor.bytes));
  }
  --missing_;
}

void Assembler::add(const Chunk& chunk, std::span<const std::byte> bytes) {
  if (chunk.file != file_) {
    file_ = chunk.file;
    next_ = 0;
  }
  const std::uint64_t chunk_end = chunk.offset + chunk.length;
  const auto take = [&](Open& tensor) {
    const std::uint64_t from = std::max(tensor.info->begin, chunk.offset);
    const std::uint64_t to = std::min(tensor.info->end, chunk_end);
    std::memcpy(static_cast<std::byte*>(tensor.bytes.data_ptr()) + (from - tensor.info->begin),
                bytes.data() + (from - chunk.offset), to - from);
    if (tensor.info->end > chunk_end) return false;
    close(tensor);
    return true;
  };
  std::erase_if(open_, take);
  const std::vector<registry::TensorInfo>& tensors = plan_->files[file_].tensors;
  for (; next_ < tensors.size() && tensors[next_].begin < chunk_end; ++next_) {
    if (tensors[next_].begin == tensors[next_].end || !kept(tensors[next_])) continue;
    Open tensor = open(tensors[next_]);
    if (!take(tensor)) open_.push_back(std::move(tensor));
  }
}

TensorMap Assembler::finish() {
  if (missing_ > 0) {
    throw Error{Category::internal,
                "assemble weights",
                {},
                Expected{"all tensors"},
                Got{std::to_string(missing_) + " without all their bytes"}};
  }
  return std::move(tensors_);
}

}  // namespace ditmill::dist
