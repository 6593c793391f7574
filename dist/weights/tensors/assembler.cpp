#include "dist/weights/tensors/assembler.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>
#include <utility>

#include "configs/error.h"
#include "dist/dtype.h"
#include "dist/weights/tensors/allocated.h"

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
    case registry::ElementType::f32:
      return at::kFloat;
    default:
      throw Error{Category::internal,
                  "load weights",
                  {},
                  Expected{"a type that layers compute in"},
                  Got{std::string{registry::name(type)}}};
  }
}

}  // namespace

Assembler::Assembler(const ComponentPlan& plan, const Mesh& mesh, int rank, const at::Device& device,
                     Destination destination)
    : plan_(&plan), device_(device), destination_(std::move(destination)), places_(plan, mesh, rank) {
  for (std::size_t i = 0; i < places_.targets().size(); ++i) {
    const Target& target = places_.targets()[i];
    if (!destination_.mine.empty() && !destination_.mine[i]) continue;
    missing_ += target.parts;
    if (target.parts > 0) continue;
    tensors_[target.name] =
        at::empty(target.shape, at::TensorOptions(scalar_type(target.dtype)).device(device_));
  }
  for (const auto& [layer, layout] : places_.blocks()) {
    const std::int64_t bytes = places_.shard(layer).size();
    shards_[layer] = allocated(plan.block_name(layer), [&] {
      return at::zeros({bytes}, at::TensorOptions(at::kByte).device(device_));
    });
  }
}

const Place* Assembler::place_of(const registry::TensorInfo& tensor) const {
  const Place* place = places_.find(tensor.name);
  const bool mine = place != nullptr && (destination_.mine.empty() || destination_.mine[place->target]);
  return mine ? place : nullptr;
}

at::Tensor Assembler::room_for(std::size_t target) const {
  if (destination_.room) return destination_.room(target);
  const Target& made = places_.targets()[target];
  return allocated(made.name, [&] { return at::empty(made.shape, scalar_type(made.dtype)); });
}

/// Gives what is kept of a tensor of the files its place; it is copied unless `direct`. What has to be made
/// dense is so first: converted in one step, NaNs may get other bits.
void Assembler::put(const Open& tensor, const at::Tensor& value) {
  const Target& target = places_.targets()[tensor.place->target];
  const at::ScalarType to = scalar_type(target.dtype);
  if (target.parts > 1) {
    join(tensor, value);
    return;
  }
  at::Tensor own = value;
  if (value.scalar_type() != to || !value.is_contiguous()) {
    const at::Tensor dense = allocated(target.name, [&] { return value.contiguous(); });
    if (target.block >= 0) {
      shard(target, allocated(target.name, [&] { return dense.to(to); }));
      return;
    }
    own = room_for(tensor.place->target).copy_(dense);
  } else if (target.block >= 0) {
    shard(target, own);
    return;
  } else if (!tensor.direct) {
    own = room_for(tensor.place->target).copy_(value);
  }
  if (device_ != at::kCPU) own = allocated(target.name, [&] { return own.to(device_); });
  tensors_.insert_or_assign(target.name, own);
}

void Assembler::join(const Open& tensor, const at::Tensor& value) {
  const Place& place = *tensor.place;
  const Target& target = places_.targets()[place.target];
  const at::ScalarType to = scalar_type(target.dtype);
  Joining& joining = joining_[place.target];
  if (!joining.tensor.defined()) {
    joining.missing = target.parts;
    const bool placed = device_ == at::kCPU && target.block < 0;
    joining.tensor = placed ? room_for(place.target) : allocated(target.name, [&] {
      return at::empty(target.shape, at::TensorOptions(to).device(device_));
    });
  }
  joining.tensor.narrow(place.join_dim, place.join_offset, value.size(place.join_dim))
      .copy_(value.contiguous().to(to));
  if (--joining.missing > 0) return;
  if (target.block >= 0) {
    shard(target, joining.tensor);
  } else {
    tensors_.insert_or_assign(target.name, joining.tensor);
  }
  joining_.erase(place.target);
}

/// Which elements of a tensor of a block lie in this rank's shard; none where only the whole will do: its
/// bytes do not lie in one piece, or it is joined.
Range Assembler::elements_in_shard(const Target& target, const Runs& runs) const {
  if (target.block < 0 || target.parts > 1 || runs.count != 1) return {};
  const Range mine = places_.shard(target.block);
  const auto begin = static_cast<std::int64_t>(target.offset);
  const auto size = static_cast<std::int64_t>(element_bytes(target.dtype));
  const std::int64_t end = begin + static_cast<std::int64_t>(bytes_of(target));
  // Shards and tensors begin at multiples of 64 bytes.
  return {(std::max(begin, mine.begin) - begin) / size, (std::min(end, mine.end) - begin) / size};
}

/// Copies dense elements of a tensor of a block, from one on, to this rank's bytes of that block.
void Assembler::shard(const Target& target, const at::Tensor& value, std::int64_t first_element) {
  const Range mine = places_.shard(target.block);
  const at::Tensor bytes = value.reshape({-1}).view(at::kByte);
  const auto begin = static_cast<std::int64_t>(target.offset) +
                     first_element * static_cast<std::int64_t>(element_bytes(target.dtype));
  const std::int64_t from = std::max(begin, mine.begin);
  const std::int64_t to = std::min(begin + bytes.numel(), mine.end);
  shards_.at(target.block)
      .narrow(0, from - mine.begin, to - from)
      .copy_(bytes.narrow(0, from - begin, to - from));
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
    buffer = allocated(tensor.name, [&] { return at::empty({bytes}, at::kByte); });
  }
  return buffer;
}

Assembler::Open Assembler::open(const registry::TensorInfo& tensor, const Place& place) {
  const Target& target = places_.targets()[place.target];
  const at::ScalarType from = scalar_type(tensor.type);
  const bool dense = tensor.strides.empty();
  Runs runs = runs_of(tensor, dense ? place : Place{});
  if (const Range mine = dense ? elements_in_shard(target, runs) : Range{}; mine.size() > 0) {
    const auto size = static_cast<std::uint64_t>(c10::elementSize(from));
    runs.first += static_cast<std::uint64_t>(mine.begin) * size;
    runs.length = static_cast<std::uint64_t>(mine.size()) * size;
    return {&tensor, &place, runs, take_buffer(tensor, static_cast<std::int64_t>(runs.bytes())), false, mine};
  }
  if (dense && target.parts == 1 && target.block < 0 && from == scalar_type(target.dtype)) {
    return {&tensor, &place, runs, room_for(place.target), true, {}};
  }
  return {&tensor, &place, runs, take_buffer(tensor, static_cast<std::int64_t>(runs.bytes())), false, {}};
}

void Assembler::close(Open& tensor) {
  const registry::TensorInfo& info = *tensor.info;
  if (tensor.direct) {
    put(tensor, tensor.bytes);
  } else {
    void* data = tensor.bytes.data_ptr();
    const at::ScalarType from = scalar_type(info.type);
    if (const Range& mine = tensor.in_shard; mine.size() > 0) {
      const Target& target = places_.targets()[tensor.place->target];
      const at::Tensor value = at::from_blob(data, {mine.size()}, from);
      shard(target, allocated(target.name, [&] { return value.to(scalar_type(target.dtype)); }), mine.begin);
    } else if (info.strides.empty()) {
      put(tensor, at::from_blob(data, tensor.place->shape, from));
    } else {
      const std::vector<std::int64_t> shape(info.shape.begin(), info.shape.end());
      const std::vector<std::int64_t> strides(info.strides.begin(), info.strides.end());
      at::Tensor view = at::from_blob(data, shape, strides, from);
      const Place& place = *tensor.place;
      if (place.dim != ShardRule::whole) view = view.narrow(place.dim, place.range.begin, place.range.size());
      put(tensor, view);
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
    copy_runs(tensor.runs, from - tensor.info->begin, bytes.subspan(from - chunk.offset, to - from),
              static_cast<std::byte*>(tensor.bytes.data_ptr()));
    // Chunks without bytes that are kept may not come.
    if (tensor.info->begin + tensor.runs.end() > chunk_end) return false;
    close(tensor);
    return true;
  };
  std::erase_if(open_, take);
  const std::vector<registry::TensorInfo>& tensors = plan_->files[file_].tensors;
  for (; next_ < tensors.size() && tensors[next_].begin < chunk_end; ++next_) {
    const Place* place = place_of(tensors[next_]);
    if (place == nullptr) continue;
    Open tensor = open(tensors[next_], *place);
    if (!take(tensor)) open_.push_back(std::move(tensor));
  }
}

void Assembler::make_again(std::vector<bool> targets) {
  destination_.mine = std::move(targets);
  file_ = 0;
  next_ = 0;
  for (std::size_t i = 0; i < places_.targets().size(); ++i) {
    if (destination_.mine[i]) missing_ += places_.targets()[i].parts;
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
  for (auto& [layer, shard] : shards_) tensors_.insert_or_assign(plan_->block_name(layer), std::move(shard));
  return std::move(tensors_);
}

}  // namespace ditmill::dist
