#include "registry/tools/summary.h"

namespace ditmill::registry {

WeightSummary summarize(const Component& component) {
  WeightSummary summary;
  for (const WeightFile& file : component.files) {
    summary.tensors += file.tensors.size();
    for (const TensorInfo& tensor : file.tensors) {
      summary.parameters += tensor.elements();
      summary.elements[std::string{name(tensor.type)}] += tensor.elements();
    }
  }
  return summary;
}

}  // namespace ditmill::registry
