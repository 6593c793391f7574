#pragma once

#include <cstdint>
#include <string>

/// Names of a UMT5 encoder's tensors in the transformers layout.
namespace ditmill::models::umt5_names {

inline const std::string shared = "shared.weight";
inline const std::string embed_tokens = "encoder.embed_tokens.weight";  ///< the same tensor's other name

inline std::string block(std::int64_t layer) { return "encoder.block." + std::to_string(layer) + "."; }

}  // namespace ditmill::models::umt5_names
