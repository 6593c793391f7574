#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "configs/error.h"
#include "configs/pipeline_config.h"
#include "dist/weights/source/planned_files.h"

namespace ditmill::dist {

/// How a component is brought to the ranks.
struct LoadOptions {
  configs::Strategy strategy = configs::Strategy::broadcast;  ///< no `automatic`: see choose_strategy()
  int readers = 0;   ///< machines that read, of striped; 0: as many as a probe finds to be of use
  bool hash = true;  ///< false: for benchmarks; no digests come out
  OpenSource open = registry::open_file;
  at::Device device = at::kCPU;
  /// Told, on every rank, of bytes that were not the same everywhere: they are read once more.
  std::function<void(const Error&)> read_again = {};
};

}  // namespace ditmill::dist
