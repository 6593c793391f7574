#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "models/binding/component_reader.h"
#include "registry/component.h"

namespace ditmill::models {

/// Of a text, what the encoder sees, its end with them: what is behind them is cut off.
inline constexpr std::int64_t umt5_text_tokens = 512;

/// Hyper-parameters of a UMT5 encoder.
struct Umt5Dims {
  std::int64_t vocabulary = 0;
  std::int64_t dim = 0;
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t ffn_dim = 0;
  std::int64_t layers = 0;
  std::int64_t buckets = 32;        ///< of relative positions, both directions
  std::int64_t max_distance = 128;  ///< beyond it all positions share a bucket
  double eps = 1e-6;
};

nlohmann::json to_json(const Umt5Dims& dims);
Umt5Dims umt5_dims_from_json(const nlohmann::json& json);

/// Every tensor of a UMT5 encoder, with its shape. The embedding is `shared.weight`.
Shapes umt5_shapes(const Umt5Dims& dims);

/// The hyper-parameters (names as in Umt5Dims; `vocab_size` for vocabulary) of a text encoder in the
/// transformers layout: from its shapes, with max_distance and eps from config.json. The embedding may be
/// called `shared.weight`, `encoder.embed_tokens.weight`, or be there under both names. Accounts for every
/// tensor. Throws Error(bad_input) where config.json contradicts the shapes, Error(unsupported) where it asks
/// for an activation other than the gated GELU (tanh), or for a decoder.
nlohmann::json bind_umt5(const registry::Component& component);

}  // namespace ditmill::models
