#include "dist/weights/source/schedule.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "configs/error.h"
#include "registry/digest.h"

namespace ditmill::dist {
namespace {

bool convertible(registry::ElementType type) {
  using registry::ElementType;
  return type == ElementType::f64 || type == ElementType::f32 || type == ElementType::f16 ||
         type == ElementType::bf16;
}

/// Elements from a tensor's first to its last in memory; more or fewer than it has where it is a view.
std::uint64_t reach(const registry::TensorInfo& tensor) {
  if (tensor.strides.empty() || tensor.elements() == 0) return tensor.elements();
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) last += (tensor.shape[i] - 1) * tensor.strides.at(i);
  return last + 1;
}

void check_tensor(const registry::WeightFile& file, const registry::TensorInfo& tensor, std::uint64_t from,
                  bool used) {
  const Where where{.file = file.path, .offset = tensor.begin, .tensor = tensor.name};
  if (used && !convertible(tensor.type)) {
    throw Error{
        Category::unsupported,
        "load weights",
        where,
        Expected{"elements of F32, BF16, F16 or F64"},
        Got{std::string(registry::name(tensor.type))},
        "this version does not run quantised or integer weights; use the files in their original type"};
  }
  const std::uint64_t bytes = reach(tensor) * static_cast<std::uint64_t>(registry::bits(tensor.type) / 8);
  if (tensor.begin < from || tensor.end < tensor.begin || tensor.end > file.size ||
      tensor.end - tensor.begin != bytes) {
    throw Error{Category::internal, "plan a component", where,
                Expected{std::to_string(bytes) + " bytes from byte " + std::to_string(from) + " of " +
                         std::to_string(file.size)},
                Got{"bytes " + std::to_string(tensor.begin) + " to " + std::to_string(tensor.end)}};
  }
}

}  // namespace

std::vector<Chunk> schedule(const ComponentPlan& plan) {
  std::vector<Chunk> chunks;
  for (std::size_t file = 0; file < plan.files.size(); ++file) {
    const std::uint64_t size = plan.files[file].size;
    for (std::uint64_t offset = 0; offset < size; offset += registry::leaf_bytes) {
      chunks.push_back(
          {file, offset, static_cast<std::size_t>(std::min(registry::leaf_bytes, size - offset))});
    }
  }
  return chunks;
}

void check_plan(const ComponentPlan& plan) {
  std::set<std::string_view> names;
  const std::set<std::string_view> parts = registry::parts_of(plan.named);
  for (const registry::WeightFile& file : plan.files) {
    std::uint64_t from = 0;
    for (const registry::TensorInfo& tensor : file.tensors) {
      check_tensor(file, tensor, from, plan.named.empty() || parts.contains(tensor.name));
      from = tensor.begin;  // views of one storage overlap
      if (!names.insert(tensor.name).second) {
        throw Error{Category::bad_input, "load weights", Where{.file = file.path, .tensor = tensor.name},
                    Expected{"each name in one file only"}, Got{"a name that an earlier file holds too"}};
      }
    }
  }
}

std::string tensors_in(const registry::WeightFile& file, std::uint64_t begin, std::uint64_t end) {
  const auto first = std::find_if(file.tensors.begin(), file.tensors.end(),
                                  [&](const registry::TensorInfo& t) { return t.end > begin; });
  const auto past =
      std::find_if(first, file.tensors.end(), [&](const registry::TensorInfo& t) { return t.begin >= end; });
  const auto count = past - first;
  if (count == 0) return {};
  if (count > 3) {
    return first->name + " ... " + std::prev(past)->name + " (" + std::to_string(count) + " tensors)";
  }
  std::string text = first->name;
  for (auto each = first + 1; each != past; ++each) text += ", " + each->name;
  return text;
}

}  // namespace ditmill::dist
