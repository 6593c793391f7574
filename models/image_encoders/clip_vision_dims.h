#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "models/binding/component_reader.h"
#include "registry/component.h"

namespace ditmill::models {

/// Whose names and shapes a vision encoder's tensors have where the catalog cannot give them those of
/// transformers: the others keep q, k and v below each other in one tensor, and Wan's own embeddings have
/// dimensions of 1 before theirs.
enum class ClipNaming { transformers, wan, open_clip };

/// Hyper-parameters of CLIP's vision transformer.
struct ClipVisionDims {
  std::int64_t dim = 0;
  std::int64_t heads = 0;
  std::int64_t ffn_dim = 0;
  std::int64_t layers = 0;
  std::int64_t patch = 0;   ///< pixels, along width and height
  std::int64_t tokens = 0;  ///< of a picture: its class, and one a patch
  double eps = 1e-5;
  ClipNaming naming = ClipNaming::transformers;

  /// Pixels of a picture, along width and height.
  std::int64_t image_size() const noexcept;
  bool operator==(const ClipVisionDims&) const = default;
};

nlohmann::json to_json(const ClipVisionDims& dims);
ClipVisionDims clip_vision_dims_from_json(const nlohmann::json& json);

/// A tensor that holds q, k and v of a layer below each other; `what` is "weight" or "bias". Of namings that
/// have such tensors.
std::string clip_joined_name(ClipNaming naming, std::int64_t layer, std::string_view what);

/// Every tensor of the vision encoder, with its shape.
Shapes clip_vision_shapes(const ClipVisionDims& dims);

/// The hyper-parameters (names as in ClipVisionDims) of a CLIP vision encoder: from its shapes, with eps from
/// config.json and heads by the rule of contracts.md (of width 80 where nothing says). Accounts for every
/// tensor. Throws Error(bad_input) where config.json contradicts the shapes, or where these are not those of
/// a square picture; Error(unsupported) for an activation other than the exact GELU, which a config.json has
/// to say.
nlohmann::json bind_clip_vision(const registry::Component& component);

/// Whether the states of the second last layer need a tensor; the others are the last layer's, and the norm
/// after it.
bool clip_vision_needs(const ClipVisionDims& dims, std::string_view tensor);

}  // namespace ditmill::models
