#pragma once

#include <c10/core/ScalarType.h>

#include "configs/pipeline_config.h"

namespace ditmill::dist {

/// LibTorch's name for a type that a component runs in.
inline at::ScalarType scalar_type(configs::Dtype dtype) noexcept {
  return dtype == configs::Dtype::float32 ? at::kFloat : at::kBFloat16;
}

}  // namespace ditmill::dist
