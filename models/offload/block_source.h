#pragma once

#include <cstddef>

#include "dist/weights/stream.h"

namespace ditmill::models {

/// Blocks whose parameters are here only while they are used.
class BlockSource {
 public:
  BlockSource() = default;
  BlockSource(const BlockSource&) = delete;
  BlockSource& operator=(const BlockSource&) = delete;
  virtual ~BlockSource() = default;

  virtual std::size_t size() const noexcept = 0;
  /// The tensors of block i by name: they hold until the next block is taken. The block after it, block 0
  /// after the last, is brought meanwhile.
  virtual dist::TensorMap take(std::size_t i) = 0;
};

}  // namespace ditmill::models
