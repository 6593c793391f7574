#include "dist/plan/places.h"

#include <algorithm>
#include <utility>

#include "configs/error.h"

namespace ditmill::dist {
namespace {

[[noreturn]] void refuse(const registry::NamedTensor& tensor, std::string expected, const std::string& got) {
  throw Error{Category::internal, "plan a component", Where{.tensor = tensor.name},
              Expected{std::move(expected)}, Got{printable(got)}};
}

}  // namespace

std::uint64_t bytes_of(const Target& target) noexcept {
  std::uint64_t bytes = element_bytes(target.dtype);
  for (const std::int64_t size : target.shape) bytes *= static_cast<std::uint64_t>(size);
  return bytes;
}

Places::Places(const ComponentPlan& plan, const Mesh& mesh, int rank)
    : blocks_(block_layouts(plan, mesh, rank)) {
  Infos infos;
  std::vector<registry::NamedTensor> unnamed;
  for (const registry::WeightFile& file : plan.files) {
    for (const registry::TensorInfo& tensor : file.tensors) {
      infos.emplace(tensor.name, &tensor);
      if (plan.named.empty()) {
        unnamed.push_back({.name = tensor.name, .shape = tensor.shape, .parts = {tensor.name}});
      }
    }
  }
  std::map<std::string, std::pair<std::int64_t, std::uint64_t>, std::less<>> in_blocks;
  for (const auto& [layer, layout] : blocks_) {
    shards_[layer] = shard_range(layout, mesh, rank);
    for (const BlockTensor& tensor : layout.tensors) {
      in_blocks[plan.block_name(layer) + "." + tensor.name] = {layer, tensor.offset};
    }
  }
  for (const registry::NamedTensor& tensor : plan.named.empty() ? unnamed : plan.named) {
    const Slice slice = slice_of(plan, mesh, rank, tensor.name, tensor.shape);
    if (!slice.held) continue;
    Target target{.name = tensor.name,
                  .dtype = plan.dtype_of(tensor.name),
                  .shape = {slice.shape.begin(), slice.shape.end()}};
    if (const auto found = in_blocks.find(tensor.name); found != in_blocks.end()) {
      std::tie(target.block, target.offset) = found->second;
      if (!in_shard(target)) continue;
    }
    add(tensor, slice, std::move(target), infos);
  }
}

bool Places::in_shard(const Target& target) const {
  const Range& shard = shards_.at(target.block);
  const auto begin = static_cast<std::int64_t>(target.offset);
  const std::int64_t end = begin + static_cast<std::int64_t>(bytes_of(target));
  return std::max(begin, shard.begin) < std::min(end, shard.end);
}

void Places::add(const registry::NamedTensor& tensor, const Slice& slice, Target target, const Infos& infos) {
  targets_.push_back(std::move(target));
  std::int64_t offset = 0;
  for (const std::string& part : tensor.parts) {
    const auto info = infos.find(part);
    if (info == infos.end()) refuse(tensor, "parts that the files hold", part);
    const std::vector<std::uint64_t>& shape = info->second->shape;
    const bool fits = tensor.parts.size() == 1
                          ? shape == tensor.shape
                          : shape.size() == tensor.shape.size() && tensor.dim < shape.size();
    if (!fits) refuse(tensor, "parts of " + registry::shape_text(tensor.shape), registry::shape_text(shape));
    add_part(*info->second, tensor, slice, offset);
    if (tensor.parts.size() > 1) offset += static_cast<std::int64_t>(shape[tensor.dim]);
  }
  const Target& made = targets_.back();
  if (made.parts == 0 && bytes_of(made) > 0) refuse(tensor, "parts with elements", "none");
}

void Places::add_part(const registry::TensorInfo& part, const registry::NamedTensor& whole,
                      const Slice& slice, std::int64_t offset) {
  Place place{.target = targets_.size() - 1,
              .shape = {part.shape.begin(), part.shape.end()},
              .join_dim = static_cast<std::int64_t>(whole.dim),
              .join_offset = offset};
  if (slice.dim != ShardRule::whole) {
    place.dim = slice.dim;
    place.range = slice.range;
    const auto dim = static_cast<std::size_t>(slice.dim);
    if (whole.parts.size() > 1 && dim == whole.dim) {
      const std::int64_t end = offset + static_cast<std::int64_t>(part.shape[dim]);
      const std::int64_t from = std::max(slice.range.begin, offset);
      const std::int64_t to = std::max(std::min(slice.range.end, end), from);
      place.range = {from - offset, to - offset};
      place.join_offset = from - slice.range.begin;
    }
    place.shape[dim] = place.range.size();
  }
  if (std::ranges::find(place.shape, 0) != place.shape.end()) return;
  if (!places_.emplace(part.name, std::move(place)).second) {
    refuse(whole, "parts that no other tensor is made of", part.name);
  }
  ++targets_.back().parts;
}

const Place* Places::find(std::string_view tensor) const {
  const auto found = places_.find(std::string(tensor));
  return found == places_.end() ? nullptr : &found->second;
}

}  // namespace ditmill::dist
