#include "dist/liveness/fatal_signals.h"

#include <array>
#include <atomic>

namespace ditmill::dist {
namespace {

constexpr std::array<int, 5> fatal{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// A handler is given nothing but the signal's number.
std::atomic<RankState*> noted_in = nullptr;
std::array<struct sigaction, fatal.size()> before{};
static_assert(std::atomic<RankState*>::is_always_lock_free);

/// Puts back what was there before (MPI prints a stack there, or the default dumps core) and lets it have the
/// signal: raised here, it is delivered when this handler returns.
void note(int signal) {
  if (RankState* state = noted_in.exchange(nullptr)) state->die_of(signal);
  for (std::size_t i = 0; i < fatal.size(); ++i) {
    if (fatal[i] == signal) ::sigaction(signal, &before[i], nullptr);
  }
  ::raise(signal);
}

}  // namespace

FatalSignals::FatalSignals(RankState& state) {
  noted_in = &state;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < fatal.size(); ++i) ::sigaction(fatal[i], &action, &before[i]);
}

FatalSignals::~FatalSignals() {
  noted_in = nullptr;
  for (std::size_t i = 0; i < fatal.size(); ++i) ::sigaction(fatal[i], &before[i], nullptr);
}

}  // namespace ditmill::dist
