#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "dist/comm/communicator.h"

namespace ditmill::dist {

/// The largest value of all ranks, call after call, of two calls before: so that ranks which pass something
/// along a chain, and so are at different places of it, do not wait for each other to agree. All ranks make
/// the same calls, and finish() as the last. The communicator is used for no other exchanges meanwhile.
class LateMax {
 public:
  /// `comm` outlives it.
  LateMax(const Communicator& comm, Purpose why) noexcept : comm_(comm), why_(why) {}

  /// Gives this rank's value, and returns the largest that was given in the call before the last: the same on
  /// all ranks; 0 in the first two calls. Waits for ranks that are more than a call behind.
  std::int64_t next(std::int64_t value);
  /// Waits for what is under way. Collective.
  void finish();

 private:
  /// Of a call, on rank 0 of all ranks, on others of this one.
  struct Call {
    std::vector<std::int64_t> values;
    std::int64_t largest = 0;
    Request given{};    ///< on rank 0: values are coming; else: this rank's goes, the largest comes
    Request answers{};  ///< on rank 0
  };
  /// Rank 0 tells the others what the largest is.
  void answer(Call& call);

  const Communicator& comm_;
  Purpose why_;
  std::deque<Call> calls_;  ///< whose largest value has not been returned
};

}  // namespace ditmill::dist
