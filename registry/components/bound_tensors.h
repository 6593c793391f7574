#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "registry/component.h"
#include "registry/components/component_type.h"
#include "registry/identity/catalog.h"
#include "registry/identity/layout.h"

namespace ditmill::registry {

/// A tensor that is there, in another shape than its architecture states.
struct Misshapen {
  std::string name;
  std::vector<std::uint64_t> expected;
  std::vector<std::uint64_t> got;
};

/// What becomes of each tensor of a component: all lists are of names in the files, without a prefix that all
/// share, and sorted.
struct BoundTensors {
  std::uint64_t bound = 0;              ///< tensors that a layer takes, in its shape
  std::vector<std::string> missing;     ///< that the architecture knows, and no file has
  std::vector<std::string> one_of;      ///< of which one would be needed, and none is there
  std::vector<std::string> unexpected;  ///< that the architecture does not know
  std::vector<Misshapen> misshapen;
  std::vector<std::string> scales;    ///< of packed weights, each beside its weight
  std::vector<std::string> unscaled;  ///< FP8 weights without a scale, where others have one
  std::vector<std::string>
      passed_over;  ///< known, and of no use here: another half, training, caches' scales
};

/// The sizes that a component's architecture has by its tensors, its config.json and its catalog entry:
/// counts of layers are the config's, so that layers that are not there are missing.
nlohmann::json sizes_of(const Component& component, const Layout& layout);
/// Fields of a component's config.json that contradict its tensors, in words.
std::vector<std::string> config_contradictions(const Component& component, const Layout& layout);

/// Sets the tensors of a component beside those that a layout states for such sizes. Nothing is refused.
BoundTensors bind_tensors(const Component& component, const Layout& layout, const nlohmann::json& sizes,
                          const ComponentType& type);

/// The layout of the catalog that has most of a component's names, at least half of them and half of its own,
/// among the architectures that slots take for a class; null if there is none. It tells what weights should
/// be whose marks are not all there.
const Layout* layout_by_class(const Component& component, const Catalog& catalog,
                              std::string_view class_name);

}  // namespace ditmill::registry
