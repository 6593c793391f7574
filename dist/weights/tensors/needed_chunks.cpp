#include "dist/weights/tensors/needed_chunks.h"

#include <cstddef>

#include "dist/weights/tensors/runs.h"
#include "registry/digest.h"

namespace ditmill::dist {

std::vector<bool> needed_chunks(const ComponentPlan& plan, const Places& places,
                                const std::vector<bool>& mine) {
  std::vector<bool> needed;
  for (const registry::WeightFile& file : plan.files) {
    const std::size_t first = needed.size();
    needed.resize(first + (file.size + registry::leaf_bytes - 1) / registry::leaf_bytes);
    for (const registry::TensorInfo& tensor : file.tensors) {
      const Place* place = places.find(tensor.name);
      if (place == nullptr || (!mine.empty() && !mine[place->target]) || tensor.begin == tensor.end) continue;
      const Runs runs = runs_of(tensor, tensor.strides.empty() ? *place : Place{});
      const std::size_t last = first + (tensor.begin + runs.end() - 1) / registry::leaf_bytes;
      for (std::size_t i = first + (tensor.begin + runs.first) / registry::leaf_bytes; i <= last; ++i) {
        needed[i] = true;
      }
    }
  }
  return needed;
}

std::vector<bool> targets_of(const ComponentPlan& plan, const Places& places,
                             const std::vector<bool>& chunks) {
  std::vector<bool> found(places.targets().size());
  std::size_t first = 0;  // of the file
  for (const registry::WeightFile& file : plan.files) {
    for (const registry::TensorInfo& tensor : file.tensors) {
      const Place* place = places.find(tensor.name);
      if (place == nullptr || tensor.begin == tensor.end) continue;
      const std::size_t last = first + (tensor.end - 1) / registry::leaf_bytes;
      for (std::size_t i = first + tensor.begin / registry::leaf_bytes; i <= last; ++i) {
        if (chunks[i]) found[place->target] = true;
      }
    }
    first += (file.size + registry::leaf_bytes - 1) / registry::leaf_bytes;
  }
  return found;
}

}  // namespace ditmill::dist
