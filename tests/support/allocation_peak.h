#pragma once

#include <cstddef>

namespace ditmill::tests {

/// Counts what the whole program allocates with `new` from here on. For one thread. Linking it replaces the
/// program's operators new and delete.
class AllocationPeak {
 public:
  AllocationPeak();

  /// The most bytes that were allocated at a time, beyond those at the start.
  std::size_t bytes() const;

 private:
  std::size_t before_;
};

}  // namespace ditmill::tests
