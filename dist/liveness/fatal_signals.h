#pragma once

#include <csignal>
#include <vector>

#include "dist/liveness/rank_state.h"

namespace ditmill::dist {

/// While it lives, a signal that ends this process by its own fault (SIGSEGV, SIGBUS, SIGFPE, SIGILL,
/// SIGABRT) is first noted in the rank's state, and of a SIGBUS stderr is told which mapped file is cut or
/// cannot be read; then it takes its course. One a process.
class FatalSignals {
 public:
  /// `state` outlives it.
  explicit FatalSignals(RankState& state);
  FatalSignals(const FatalSignals&) = delete;
  FatalSignals& operator=(const FatalSignals&) = delete;
  ~FatalSignals();
};

}  // namespace ditmill::dist
