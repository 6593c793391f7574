#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dist/comm/communicator.h"
#include "dist/plan/plan.h"
#include "dist/weights/stream.h"

namespace ditmill::dist::mpi_test {

/// A component in memory, the same on every rank.
struct Files {
  ComponentPlan plan;
  std::vector<std::vector<std::byte>> bytes;  ///< of plan.files

  /// Opens them; every byte is there.
  OpenSource open() const;
};

/// A tensor to put into a file.
struct Wanted {
  std::string name;
  registry::ElementType type;
  std::vector<std::uint64_t> shape;
};

/// Files named "/weights/0", "/weights/1", ... of random bytes: `header` bytes, then the tensors without
/// gaps.
Files make_files(const std::vector<std::vector<Wanted>>& files, std::uint64_t header,
                 configs::Dtype dtype = configs::Dtype::bfloat16);
/// One file of one tensor "large", so that the whole has exactly `size` bytes.
Files make_file_of(std::uint64_t size);

/// What read_at() does before it reads; it may throw.
using BeforeRead = std::function<void(std::uint64_t offset, std::span<std::byte> out)>;
/// Files whose reads are watched, and whose sizes may lie (0: the true one).
OpenSource watched(const Files& files, BeforeRead before_read, std::uint64_t claimed_size = 0);

/// What is done to the bytes that a rank has got from its broadcast number `call` (from 0), or on a
/// communicator that was split off from its exchange of that number.
using Tamper = std::function<void(int call, std::span<std::byte> bytes)>;
/// A communicator like `inner`, which outlives it, with a network that changes bytes.
Communicator tampering(const Communicator& inner, Tamper tamper);

}  // namespace ditmill::dist::mpi_test
