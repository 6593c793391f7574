#pragma once

#include "dist/comm/communicator.h"

namespace ditmill::dist {

/// Tells all ranks that one has failed while each works by itself, at no cost to those that have not. What
/// failed they agree on afterwards.
class Alarm {
 public:
  /// `number`: the same on all ranks, and another for each piece of work: an alarm of an earlier one is none.
  Alarm(const Communicator& comm, int number) noexcept : comm_(&comm), number_(number) {}

  /// This rank has failed.
  void ring() const;
  /// Whether another has. Never waits.
  bool rung();

 private:
  const Communicator* comm_;
  int number_;
  bool rung_ = false;
};

}  // namespace ditmill::dist
